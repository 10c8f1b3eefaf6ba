"""Load weights into a class that is installed: no code comes out of the file."""

from __future__ import annotations

import importlib
import inspect
import json
import pickletools
import warnings
from typing import TYPE_CHECKING, Any

import torch

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_pytorch._archive import Archive, corrupt
from inferry_runtime_pytorch._errors import said
from inferry_runtime_pytorch._program import Argument, Program, weigh

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PLATFORM = "pytorch"
_WITHIN = ("state_dict", "model_state_dict", "model")
_SHOWN = 3
_MAX_PICKLE = 16 * 2**20
_TYPES = {int: "int", float: "float", bool: "bool", str: "str"}


def load(
    path: Path,
    device: str,
    *,
    factory: str,
    arguments: str,
    trusted: bool,
    brought: type[Any] | None = None,
) -> Program:
    """Return the model whose weights are in the file at *path*.

    Args:
        path: A state dict, or a whole model where *trusted*.
        device: Where it runs.
        factory: ``package.module:Class`` of an installed package; may be empty for a
            whole model.
        arguments: What the class is called with, a JSON object.
        trusted: Whether pickles may be loaded.
        brought: The class, where no option names one.

    Raises:
        ModelLoadError: The file or the class is not usable, or they do not fit.

    """
    found = read(path, device, trusted=trusted)
    if isinstance(found, torch.nn.Module):
        return program(found, device)
    if not factory and brought is None:
        raise ModelLoadError(
            f"{path.name} holds weights, which say nothing of the model they are of",
            remedy=(
                "name its class with the option modelClass=package.module:Class, or "
                "save the model with torch.export"
            ),
        )
    made = _made(brought or module_class(factory), arguments)
    fill(made, _state(path, found), path.name)
    return program(made, device)


def read(path: Path, device: str, *, trusted: bool) -> Any:  # noqa: ANN401 - torch has no types
    """Return what `torch.save` wrote to *path*, tensors only unless *trusted*.

    Raises:
        ModelLoadError: It is corrupt, or would run code.

    """
    if path.suffix == ".safetensors":
        return _read_safetensors(path, device)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location=device, weights_only=not trusted)
    except Exception as error:
        raise _load_error(path, error) from error


def module_class(name: str) -> type[Any]:
    """Return the class that *name*, ``package.module:Class``, is.

    Raises:
        ModelLoadError: There is none, or it is no module of torch.

    """
    module, _, attribute = name.partition(":")
    remedy = "use modelClass=package.module:Class of an installed package"
    if not module or not attribute.isidentifier():
        raise ModelLoadError(f"option modelClass is {name!r}", remedy=remedy)
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ImportError as error:
        raise ModelLoadError(
            f"option modelClass names {module!r}, which cannot be imported: {error}",
            remedy="install its package beside the runtime",
        ) from None
    except Exception as error:
        raise ModelLoadError(
            f"option modelClass names {module!r}, whose import fails: "
            f"{type(error).__name__}: {said(error)}",
            remedy="correct the package",
        ) from error
    if not (inspect.isclass(found) and issubclass(found, torch.nn.Module)):
        raise ModelLoadError(
            f"option modelClass names {name!r}, which is no torch.nn.Module",
            remedy=remedy,
        )
    return found


def fill(module: Any, state: Mapping[str, Any], name: str) -> None:  # noqa: ANN401 - as above
    """Put the weights *state* of the file *name* into *module*.

    Raises:
        ModelLoadError: They are not its weights.

    """
    own = module.state_dict()
    missing = [key for key in own if key not in state]
    unknown = [key for key in state if key not in own]
    other = [
        f"{key} {list(state[key].shape)} for {list(own[key].shape)}"
        for key in own
        if key in state and getattr(own[key], "shape", None) != state[key].shape
    ]
    problems = (("lacks", missing), ("has besides", unknown), ("has", other))
    found = [f"{verb} {_few(keys)}" for verb, keys in problems if keys]
    if found:
        raise ModelLoadError(
            f"{name} does not fit {type(module).__name__}: it {'; it '.join(found)}",
            remedy="correct the options modelClass and modelArguments",
        )
    try:
        module.load_state_dict(state)
    except Exception as error:
        raise ModelLoadError(
            f"{name} does not fit {type(module).__name__}: {said(error)}"
        ) from error


def program(module: Any, device: str) -> Program:  # noqa: ANN401 - as above
    """Return the program that a module in Python is."""
    module = module.eval().requires_grad_(requires_grad=False).to(device)
    return Program(
        call=module,
        arguments=_arguments(module),
        platform=PLATFORM,
        module=module,
        **weigh([*module.parameters(), *module.buffers()]),
    )


def _made(factory: type[Any], text: str) -> Any:  # noqa: ANN401 - as above
    try:
        arguments = json.loads(text or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise ModelLoadError(
            f"option modelArguments is {text[:80]!r}",
            remedy='use a JSON object, such as {"classes": 10}',
        )
    try:
        return factory(**arguments)
    except Exception as error:
        raise ModelLoadError(
            f"{factory.__name__} cannot be made with the arguments "
            f"{sorted(arguments)}: {type(error).__name__}: {said(error)}",
            remedy="correct the option modelArguments",
        ) from error


def _state(path: Path, found: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    """Return the state dict, which trainers put into a larger checkpoint."""
    for key in _WITHIN:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
            break
    if not isinstance(found, dict) or not all(
        isinstance(key, str) and isinstance(each, torch.Tensor)
        for key, each in found.items()
    ):
        raise ModelLoadError(
            f"{path.name} is no state dict: it holds {_described(found)}",
            reason=Reason.ModelCorrupt,
            remedy="save model.state_dict() with torch.save",
        )
    return found


def _described(found: object) -> str:
    if isinstance(found, dict):
        return f"a dict of {_few([str(key) for key in found]) or 'nothing'}"
    return f"a {type(found).__name__}"


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _arguments(module: Any) -> list[Argument] | None:  # noqa: ANN401 - as above
    """Return the arguments of ``forward``, None where it takes any."""
    found: list[Argument] = []
    for each in inspect.signature(module.forward).parameters.values():
        if each.kind in {each.VAR_POSITIONAL, each.VAR_KEYWORD}:
            if not found:
                return None
            continue
        default = each.default
        found.append(
            Argument(
                name=each.name,
                type=_TYPES.get(type(default), "tensor"),
                required=default is each.empty,
                keyword=each.kind is each.KEYWORD_ONLY,
            )
        )
    return found


def _read_safetensors(path: Path, device: str) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found: dict[str, Any] = load_file(path, device=device)
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise corrupt(path, said(error)) from None
    return found


def _is_pickle(path: Path) -> bool:
    """Say whether *path* can be read as a pickle, without running it."""
    with path.open("rb") as file:
        content = file.read(_MAX_PICKLE)
    if content.startswith(b"PK"):
        with Archive(path) as archive:
            content = archive.read(f"{archive.folder}data.pkl")
    try:
        for _ in pickletools.genops(content):
            pass
    except Exception:  # noqa: BLE001 - whatever garbage leads to
        return False
    return True


def _load_error(path: Path, error: Exception) -> ModelLoadError:
    text = said(error)
    refused = "Weights only load failed" in str(error) or "Unsupported" in text
    if refused and _is_pickle(path):
        return ModelLoadError(
            f"{path.name} is a pickle of more than tensors, and loading it runs "
            "whatever code it holds",
            reason=Reason.ModelUnsafe,
            remedy=(
                "save model.state_dict() or use torch.export, or, if you trust the "
                'file, add `args: ["--allowPickle=true"]` to the model'
            ),
        )
    if isinstance(error, ModuleNotFoundError):
        return ModelLoadError(
            f"{path.name} needs the module {error.name}, which is not installed",
            remedy="install it beside the runtime",
        )
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return ModelLoadError(
            f"{path.name} does not fit into memory", reason=Reason.OutOfMemory
        )
    return corrupt(path, text)
