"""Read the archives of TorchServe: a model, its handler's name, and names of classes.

Only data is taken out of them. A handler of one's own and the Python file of an eager
model are code, which is not run unless the service names it.
"""

from __future__ import annotations

import importlib.util
import inspect
import shutil
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec
import torch

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_pytorch import _handlers
from inferry_runtime_pytorch._archive import Archive, corrupt
from inferry_runtime_pytorch._errors import said
from inferry_runtime_pytorch._kinds import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inferry_runtime_pytorch._program import Program

    #: Loads the model file, with the class that the archive brings, if any.
    Load = Callable[[Path, type[Any] | None], Program]

_MAX_JSON = 16 * 2**20
_NAMES = "index_to_name.json"
_NONE = "none"
_MODULE = "_inferry_mar_"


class _Model(msgspec.Struct, rename="camel"):
    handler: str
    serialized_file: str = ""
    model_file: str = ""
    model_name: str = ""


class _Manifest(msgspec.Struct):
    model: _Model


def load(path: Path, device: str, options: Mapping[str, Any], inner: Load) -> Program:
    """Return the model in the archive at *path* with its handler, loaded by *inner*.

    Raises:
        ModelLoadError: It is corrupt, or brings code that is not allowed.

    """
    with Archive(path) as archive, tempfile.TemporaryDirectory() as folder:
        model = _manifest(archive)
        handler = str(options.get("handler") or model.handler)
        _check_handler(path, handler)
        file = _extracted(archive, model.serialized_file, Path(folder))
        brought = None
        if model.model_file and not options.get("modelClass"):
            _check_model_file(path, model, str(options.get("allowModelFile") or ""))
            brought = _class(_extracted(archive, model.model_file, Path(folder)))
        program = inner(file, brought)
        if handler == _NONE:
            return program
        return _handlers.around(handler, program, _names(archive), device)


def _manifest(archive: Archive) -> _Model:
    content = archive.read(MANIFEST, _MAX_JSON)
    try:
        model = msgspec.json.decode(content, type=_Manifest).model
    except (msgspec.MsgspecError, RecursionError) as error:
        raise corrupt(archive.path, f"its {MANIFEST}: {error}") from None
    if not model.serialized_file:
        raise corrupt(archive.path, f"its {MANIFEST} names no serializedFile")
    return model


def _check_handler(path: Path, handler: str) -> None:
    file, _, _ = handler.partition(":")
    if file.endswith(".py") or "/" in file:
        raise ModelLoadError(
            f"{path.name} has the handler {handler!r}, which is code of its own",
            reason=Reason.ModelUnsafe,
            remedy=(
                "archive the model with a standard handler, send tensors with the "
                "option handler=none, or write the handler for the python runtime"
            ),
        )


def _check_model_file(path: Path, model: _Model, allowed: str) -> None:
    if model.model_file == allowed:
        return
    raise ModelLoadError(
        f"{path.name} defines its model in {model.model_file!r}, which is code",
        reason=Reason.ModelUnsafe,
        remedy=(
            "export the model with torch.export, name its class with the option "
            "modelClass, or, if you trust the file, add "
            f'`args: ["--allowModelFile={model.model_file}"]` to the model'
        ),
    )


def _extracted(archive: Archive, name: str, folder: Path) -> Path:
    """Write the entry *name* into *folder*, under its last name."""
    if name not in archive.names:
        raise corrupt(archive.path, f"it has no {name!r}, which its manifest names")
    target = folder / (PurePosixPath(name).name or "model")
    try:
        with archive.open(name) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink, 2**20)
    except OSError as error:
        raise ModelLoadError(
            f"{name!r} of {archive.path.name} cannot be written to {folder}: "
            f"{error.strerror}",
            remedy="let TMPDIR name a folder with room for it",
        ) from error
    return target


def _class(file: Path) -> type[Any]:
    """Run the Python *file* and return the only module of torch that it defines."""
    name = _MODULE + file.stem
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ModelLoadError(f"{file.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ModelLoadError(
            f"{file.name} fails: {type(error).__name__}: {said(error)}",
            remedy="correct the file, and archive the model again",
        ) from error
    finally:
        del sys.modules[name]
    found = [
        each
        for each in vars(module).values()
        if inspect.isclass(each)
        and issubclass(each, torch.nn.Module)
        and each.__module__ == name
    ]
    if len(found) != 1:
        names = ", ".join(each.__name__ for each in found) or "none"
        raise ModelLoadError(
            f"{file.name} defines {len(found)} models ({names}), expected one",
            remedy="define the model in a file of its own",
        )
    return found[0]


def _names(archive: Archive) -> dict[str, str]:
    """Return the names of classes by number; TorchServe's lists end with the name."""
    if _NAMES not in archive.names:
        return {}
    try:
        found = msgspec.json.decode(
            archive.read(_NAMES, _MAX_JSON), type=dict[str, str | list[str]]
        )
    except (msgspec.MsgspecError, RecursionError) as error:
        raise corrupt(archive.path, f"its {_NAMES}: {error}") from None
    return {
        key: each if isinstance(each, str) else (each or [key])[-1]
        for key, each in found.items()
    }
