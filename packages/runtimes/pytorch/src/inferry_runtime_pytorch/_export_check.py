"""Refuse exported programs that would run more than torch's operators.

`torch.export.load` follows names to anything below ``torch`` (``torch.os.system`` too),
evaluates the formulas of sizes as Python, writes names into source that it compiles,
and unpickles constants and examples. So all of that is looked at first.
"""

from __future__ import annotations

import ast
import io
import re
from typing import TYPE_CHECKING, Any

import msgspec
import torch
from torch._ops import HigherOrderOperator, OpOverload, OpOverloadPacket

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_pytorch._archive import Archive, corrupt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_DEPTH = 200
_NAME = re.compile(r"[A-Za-z_][\w.]*\Z", re.ASCII)
_PATH = re.compile(r"[\w.]+\Z", re.ASCII)
_ATEN = re.compile(r"torch\.ops\.(\w+)\.(\w+)(?:\.(\w+))?\Z", re.ASCII)
_NUMBERS = re.compile(r"(?:torch\._?sym_\w+|math\.\w+|_operator\.(\w+))\Z", re.ASCII)
_OPERATORS = frozenset(
    [
        "add",
        "sub",
        "mul",
        "truediv",
        "floordiv",
        "mod",
        "pow",
        "neg",
        "pos",
        "abs",
        "lt",
        "le",
        "gt",
        "ge",
        "eq",
        "ne",
        "and_",
        "or_",
        "xor",
        "not_",
        "invert",
        "lshift",
        "rshift",
        "getitem",
    ]
)
_NAMESPACES = frozenset(
    [
        "aten",
        "prim",
        "prims",
        "quantized",
        "quantized_decomposed",
        "torchvision",
        "higher_order",
    ]
)
_HIGHER = frozenset(
    [
        "associative_scan",
        "cond",
        "flex_attention",
        "hints_wrapper",
        "invoke_subgraph",
        "map_impl",
        "scan",
        "strict_mode",
        "while_loop",
        "wrap",
        "wrap_with_autocast",
        "wrap_with_set_grad_enabled",
    ]
)
_FILES = frozenset({"from_file", "save", "load"})
_TREES = frozenset(
    {
        None,
        "builtins.tuple",
        "builtins.list",
        "builtins.dict",
        "collections.OrderedDict",
        "torch.Size",
    }
)
#: Keys whose text becomes a name in source code.
_NAMES = frozenset({"name"})
#: Keys whose text is a path of attributes, which may be numbers.
_PATHS = frozenset({"parameter_name", "buffer_name", "tensor_constant_name", "fqn"})
_SPECS = frozenset({"in_spec", "out_spec"})
_CUSTOM = frozenset({"as_custom_obj", "custom_obj", "as_opaque_obj"})
_FORMULA = (
    *(ast.Expression, ast.Call, ast.Name, ast.Load, ast.Constant, ast.keyword),
    *(ast.BinOp, ast.UnaryOp, ast.Compare, ast.operator, ast.unaryop, ast.cmpop),
)
_LONGEST_FORMULA = 4096
_LARGEST = 2**64
_FUNCTIONS = re.compile(
    r"(?:[A-Z]\w*|[suz]\d+|u\d+|true|false|oo|int_oo|ceiling|floor|sqrt)\Z", re.ASCII
)


def check(path: Path) -> str:
    """Refuse the program at *path* if loading it would run code; return who saved it.

    Raises:
        ModelLoadError: With what is not known to be harmless.

    """
    with Archive(path) as archive:
        names = archive.within()
        if "archive_format" not in names:
            raise ModelLoadError(
                f"{path.name} was saved by an old torch, whose form holds pickles",
                reason=Reason.ModelUnsafe,
                remedy="export the model again with torch 2.9 or newer",
            )
        version = ""
        for name in names:
            content = archive.folder + name
            if name.startswith("models/"):
                version = _check_program(path, archive.read(content)) or version
            elif name.endswith("_config.json"):
                _check_payload(path, archive.read(content))
            elif name.startswith("data/sample_inputs/"):
                _check_example(path, archive.read(content))
        return version


def _check_program(path: Path, content: bytes) -> str:
    document = _decoded(path, content)
    for key, value in _walk(document, path):
        found = _unsafe(key, value)
        if found:
            raise _refusal(path, found)
    version = document.get("torch_version") if isinstance(document, dict) else None
    return version if isinstance(version, str) else ""


def _check_payload(path: Path, content: bytes) -> None:
    """Refuse weights and constants that are pickled."""
    for key, value in _walk(_decoded(path, content), path):
        pickled = key == "use_pickle" and value is not False
        custom = key == "path_name" and not str(value).startswith(("weight_", "tensor"))
        if pickled or custom:
            raise _refusal(path, "a pickled tensor or object")


def _check_example(path: Path, content: bytes) -> None:
    """Read the example as torch does at first; where that fails it runs the pickle."""
    if not content:
        return
    try:
        torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except Exception as error:
        raise _refusal(path, "an example that is a pickle of other objects") from error


def _decoded(path: Path, content: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return msgspec.json.decode(content)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise corrupt(path, f"its description is no JSON ({error})") from None


def _walk(document: object, path: Path) -> Iterator[tuple[str, object]]:
    """Yield every key with its value, whatever the nesting."""
    waiting: list[tuple[object, int]] = [(document, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise corrupt(path, "its description is nested too deeply")
        if isinstance(node, dict):
            yield from node.items()
            waiting += [(each, depth + 1) for each in node.values()]
        elif isinstance(node, list):
            waiting += [(each, depth + 1) for each in node]


def _unsafe(key: str, value: object) -> str:
    """Name what is not known to be harmless; empty where nothing is."""
    text = value if isinstance(value, str) else ""
    if key in {"target", "as_operator"} and text:
        return "" if _is_operator(text) else f"the operator {text[:80]!r}"
    if key == "expr_str":
        return "" if _is_formula(text) else f"the formula {text[:80]!r}"
    if key in _NAMES and text:
        return "" if _NAME.match(text) else f"the name {text[:80]!r}"
    if key in _PATHS and text:
        return "" if _PATH.match(text) else f"the name {text[:80]!r}"
    if key in {"forward_arg_names", "tensor_values", "range_constraints"}:
        wrong = [
            each
            for each in _texts(value)
            if not (_NAME.match(each) or _is_formula(each))
        ]
        return f"the name {wrong[0][:80]!r}" if wrong else ""
    odd = key in _SPECS and bool(text) and not _is_tree(text)
    return "objects of other types" if odd or (key in _CUSTOM and value) else ""


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, (list, dict)) else []


def _is_operator(target: str) -> bool:
    numbers = _NUMBERS.match(target)
    if numbers:
        return numbers[1] is None or numbers[1] in _OPERATORS
    found = _ATEN.match(target)
    if not found or found[1] not in _NAMESPACES or found[2] in _FILES:
        return False
    if found[1] == "higher_order":
        return found[2] in _HIGHER and found[3] is None
    return _is_known(found[1], found[2], found[3])


def _is_known(namespace: str, name: str, overload: str | None) -> bool:
    """Say whether that is an operator, or nothing: torch refuses an unknown one."""
    packet = getattr(getattr(torch.ops, namespace), name, None)
    operator = getattr(packet, overload, None) if overload else packet
    known = (OpOverload, OpOverloadPacket, HigherOrderOperator)
    return operator is None or isinstance(operator, known)


def _is_formula(text: str) -> bool:
    """Say whether *text* is arithmetic of numbers and sizes, and nothing else."""
    if len(text) > _LONGEST_FORMULA:
        return False
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(_is_arithmetic(node) for node in nodes)


def _is_arithmetic(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name)
    if isinstance(node, ast.Name):
        return _FUNCTIONS.match(node.id) is not None
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return _NAME.match(node.value) is not None
        number = isinstance(node.value, (bool, int, float))
        return number and abs(node.value) <= _LARGEST  # type: ignore[arg-type]
    return isinstance(node, _FORMULA) and not isinstance(node, ast.Pow)


def _is_tree(text: str) -> bool:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return False
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            context = node.get("context")
            if node.get("type") not in _TREES or "__enum__" in str(context):
                return False
            waiting += node.get("children_spec") or []
        elif isinstance(node, list):
            waiting += node
    return True


def _refusal(path: Path, found: str) -> ModelLoadError:
    return ModelLoadError(
        f"{path.name} holds {found}, which may run any code",
        reason=Reason.ModelUnsafe,
        remedy=(
            "export it with torch's own operators and tensors, or, if you trust the "
            'file, add `args: ["--allowPickle=true"]` to the model'
        ),
    )
