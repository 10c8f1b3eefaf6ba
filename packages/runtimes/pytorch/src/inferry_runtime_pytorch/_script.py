"""Load TorchScript archives: programs of torch's own operators, without Python.

A program may still read and write files through two of the operators, and its
``__setstate__`` runs while it is loaded, so the code in the archive is looked through
before torch sees it.
"""

from __future__ import annotations

import copy
import re
import warnings
from typing import TYPE_CHECKING, Any

import torch

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_pytorch._archive import Archive, corrupt
from inferry_runtime_pytorch._errors import said
from inferry_runtime_pytorch._program import Argument, Program, weigh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PLATFORM = "pytorch_libtorch"
_OPERATORS = frozenset({"aten", "prim", "prims", "quantized", "sparse", "torchvision"})
_CLASSES = frozenset({"quantized", "sparse", "rnn", "xnnpack", "mkldnn"})
_FILES = re.compile(r"\b(?:torch|aten)\s*\.\s*(from_file|save|load)\s*\(")
_OPS = re.compile(r"\bops\s*\.\s*([A-Za-z_]\w*)\s*\.")
_CUSTOM = re.compile(rb"__torch__\.torch\.classes\.([A-Za-z_]\w*)")
_TYPES = {"Tensor": "tensor", "int": "int", "float": "float"} | {
    "bool": "bool",
    "str": "str",
    "number": "float",
}
_OPTIONAL = re.compile(r"Optional\[(\w+)\]|(\w+)\?")


def load(path: Path, device: str) -> Program:
    """Return the program of the TorchScript archive at *path*.

    Raises:
        ModelLoadError: It is corrupt, or its operators are not harmless or not there.

    """
    check(path)
    try:
        with warnings.catch_warnings():
            # TorchScript is deprecated; whoever serves it knows, or cannot change it.
            warnings.simplefilter("ignore")
            module = torch.jit.load(str(path), map_location=device).eval()
    except Exception as error:
        raise _load_error(path, error) from error
    return _program(path, module)


def check(path: Path) -> None:
    """Refuse the archive at *path* if its code does more than compute.

    Raises:
        ModelLoadError: With the operator or the class that is the reason.

    """
    with Archive(path) as archive:
        for name in archive.names:
            if name.endswith((".py", ".pkl")):
                found = _forbidden(archive.read(name))
                if found:
                    raise ModelLoadError(
                        f"{path.name} uses {found}, which does more than compute",
                        reason=Reason.ModelUnsafe,
                        remedy="export the model with torch's own operators",
                    )


def _forbidden(content: bytes) -> str:
    """Name the first thing in *content* that is not known to be harmless."""
    for custom in _CUSTOM.finditer(content):
        if custom[1].decode() not in _CLASSES:
            return custom[0].decode()
    text = content.decode("utf-8", "replace")
    files = _FILES.search(text)
    if files:
        return f"torch.{files[1]}"
    for operator in _OPS.finditer(text):
        if operator[1] not in _OPERATORS:
            return f"torch.ops.{operator[1]}"
    return ""


def _program(path: Path, module: Any) -> Program:  # noqa: ANN401 - torch has no types
    try:
        method = module._c._get_method("forward")  # noqa: SLF001 - no other way
    except RuntimeError:
        raise ModelLoadError(
            f"{path.name} has no method forward",
            remedy="script a module whose forward answers a request",
        ) from None
    weights = weigh([*module.parameters(), *module.buffers()])
    return Program(
        call=module,
        arguments=[_argument(each) for each in method.schema.arguments[1:]],
        platform=PLATFORM,
        module=module,
        copy=_copier(module) if _changes_state(method.graph) else None,
        **weights,
    )


def _argument(argument: Any) -> Argument:  # noqa: ANN401 - as above
    text = str(argument.type)
    optional = _OPTIONAL.fullmatch(text)
    kind = _TYPES.get(next(filter(None, optional.groups())) if optional else text)
    return Argument(
        name=argument.name,
        type=kind or text,
        required=not argument.has_default_value(),
        keyword=argument.kwarg_only,
    )


def _changes_state(graph: Any) -> bool:  # noqa: ANN401 - as above
    """Say whether a call of *graph* leaves something behind for the next."""
    inlined = graph.copy()
    torch._C._jit_pass_inline(inlined)  # noqa: SLF001 - no other way
    attributes: set[str] = set()
    for node in _nodes(inlined):
        if node.kind() == "prim::SetAttr":
            return True
        if node.kind() == "prim::GetAttr":
            attributes.update(output.debugName() for output in node.outputs())
        elif node.kind().endswith("_") and node.kind().startswith("aten::"):
            first = next(iter(node.inputs()), None)
            if first is not None and first.debugName() in attributes:
                return True
    return False


def _nodes(block: Any) -> Iterator[Any]:  # noqa: ANN401 - as above
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)


def _copier(module: Any) -> Callable[[], Callable[..., Any]]:  # noqa: ANN401 - as above
    """Return what copies *module* with its state; the copies share its weights.

    The module that is copied loses its weights, so that a copy moves none.
    """
    weights = {name: each.data for name, each in module.named_parameters()}
    for each in module.parameters():
        each.data = torch.empty(0, dtype=each.dtype, device=each.device)

    def copied() -> Callable[..., Any]:
        made: Any = copy.deepcopy(module)
        for name, each in made.named_parameters():
            each.data = weights[name]
        called: Callable[..., Any] = made
        return called

    return copied


def _load_error(path: Path, error: Exception) -> ModelLoadError:
    text = said(error)
    if "Unknown builtin op" in text or "Unknown type name" in text:
        return ModelLoadError(
            f"{path.name} uses what torch {torch.__version__} does not have: {text}",
            reason=Reason.ModelVersionMismatch,
            remedy="upgrade torch, or install the library of that operator",
        )
    if "file_format_version" in text or "maximum supported version" in text:
        return ModelLoadError(
            f"{path.name} needs a newer torch than {torch.__version__}",
            reason=Reason.ModelVersionMismatch,
            remedy="upgrade torch",
        )
    return corrupt(path, text)
