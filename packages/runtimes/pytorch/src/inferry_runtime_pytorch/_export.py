"""Load exported programs: graphs of operators that declare all that they take."""

from __future__ import annotations

import contextlib
import copy
import math
import threading
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._pytree import tree_unflatten

from inferry.errors import InvalidInput, ModelLoadError
from inferry.model import TensorSpec
from inferry.status import Reason
from inferry_runtime_pytorch import _export_check
from inferry_runtime_pytorch._archive import corrupt
from inferry_runtime_pytorch._errors import said
from inferry_runtime_pytorch._program import Argument, Program, weigh
from inferry_runtime_pytorch._tensors import datatype, leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PLATFORM = "pytorch_export"
_ANY = -1
# Torch traces with 2 for a free size, and takes 0 and 1 for it all the same.
_SPECIALIZED = 2
# Torch keeps what it reads in a global, and refuses a second file meanwhile.
_ONE_AT_A_TIME = threading.Lock()


def load(path: Path, device: str, *, trusted: bool) -> tuple[Program, str]:
    """Return the exported program at *path*, and the version of torch that saved it.

    Args:
        path: A file of `torch.export.save`.
        device: Where it runs.
        trusted: Whether the file may hold pickles and other code.

    Raises:
        ModelLoadError: It is corrupt, of another version, or not harmless.

    """
    version = "" if trusted else _export_check.check(path)
    try:
        with _ONE_AT_A_TIME, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exported = _moved(torch.export.load(str(path)), device)
            module = _callable(exported)
    except Exception as error:
        raise _load_error(path, error, version) from error
    return _program(path, exported, module), version


def _moved(exported: Any, device: str) -> Any:  # noqa: ANN401 - torch has no types
    if device == "cpu":
        return exported
    from torch.export.passes import move_to_device_pass

    return move_to_device_pass(exported, device)


def _callable(exported: Any) -> Any:  # noqa: ANN401 - as above
    """Return the module of *exported* without the checks that `_Sizes` does quicker.

    Torch's own checks take ten times as long as a small model.
    """
    module = exported.module(check_guards=False)
    for hook in list(module._forward_pre_hooks):  # noqa: SLF001 - no other way
        del module._forward_pre_hooks[hook]  # noqa: SLF001 - as above
    return module


def _program(path: Path, exported: Any, module: Any) -> Program:  # noqa: ANN401 - as above
    values = {
        node.name: node.meta.get("val")
        for node in exported.graph.nodes
        if node.op == "placeholder"
    }
    names = exported.graph_signature.user_inputs
    found: list[Any] = [values.get(name) for name in names]
    if not found or not all(isinstance(each, torch.Tensor) for each in found):
        raise ModelLoadError(
            f"{path.name} takes what is no tensor, which no request can hold",
            remedy="export the model with tensors as its only inputs",
        )
    spec = exported.call_spec.in_spec.children()[1]
    flat = all(each.is_leaf() for each in spec.children())
    keywords = set(spec.context or ()) if flat else set()
    arguments = tuple(
        Argument(name=str(name), keyword=name in keywords)
        for name in _argument_names(exported, names)
    )
    sizes = _Sizes([each.name for each in arguments], found, exported.range_constraints)
    outputs = _outputs(exported)
    most = sizes.rows(outputs)
    containers = tree_unflatten(outputs, exported.call_spec.out_spec)
    state = _changes_state(exported)
    return Program(
        call=_flat(module, exported.call_spec.in_spec),
        arguments=arguments,
        platform=PLATFORM,
        module=module,
        inputs=tuple(
            _spec(each.name, value)
            for each, value in zip(arguments, found, strict=True)
        ),
        outputs=tuple(_spec(name, each) for name, each in leaves(containers)),
        example=tuple(tuple(map(_hint, value.shape)) for value in found),
        copy=_copier(module, exported.call_spec.in_spec) if state else None,
        check=sizes.check,
        batching=most is not None,
        most=most or 0,
        **weigh([*exported.state_dict.values(), *_constants(exported)]),
    )


def _changes_state(exported: Any) -> bool:  # noqa: ANN401 - as above
    """Say whether a call leaves something behind in a buffer for the next one."""
    signature = exported.graph_signature
    if signature.buffers_to_mutate:
        return True
    own = {*signature.inputs_to_buffers, *signature.inputs_to_parameters}
    return any(
        _is_mutable(node.target) and _origin(node).name in own
        for node in exported.graph.nodes
        if node.op == "call_function"
    )


def _is_mutable(target: Any) -> bool:  # noqa: ANN401 - an operator
    schema = getattr(target, "_schema", None)
    return schema is not None and bool(schema.is_mutable)


def _origin(node: Any) -> Any:  # noqa: ANN401 - a node of a graph
    """Return where the first argument of *node* comes from, through all views of it."""
    while node.args and isinstance(node.args[0], torch.fx.Node):
        node = node.args[0]
    return node


def _flat(module: Any, spec: Any) -> Callable[..., Any]:  # noqa: ANN401 - as above
    """Return what calls *module* with tensors only, in the containers it wants."""
    positional, named = spec.children()
    called: Callable[..., Any] = module
    if all(each.is_leaf() for each in (*positional.children(), *named.children())):
        return called

    def call(*values: Any) -> Any:  # noqa: ANN401 - as above
        arguments, keywords = tree_unflatten(values, spec)
        return module(*arguments, **keywords)

    return call


def _copier(module: Any, spec: Any) -> Callable[[], Callable[..., Any]]:  # noqa: ANN401 - as above
    """Return what copies *module* with its state; the copies share its weights."""
    weights = {id(each): each for each in module.parameters()}
    return lambda: _flat(copy.deepcopy(module, dict(weights)), spec)


def _argument_names(exported: Any, names: Sequence[str]) -> Sequence[str]:  # noqa: ANN401 - as above
    """Return the names of ``forward``; a nested input has only those of the graph."""
    signature = exported.module_call_graph[0].signature
    given: Sequence[str] = getattr(signature, "forward_arg_names", None) or ()
    return given if len(given) == len(names) else names


def _constants(exported: Any) -> list[Any]:  # noqa: ANN401 - as above
    return [
        each for each in exported.constants.values() if isinstance(each, torch.Tensor)
    ]


def _outputs(exported: Any) -> list[Any]:  # noqa: ANN401 - as above
    node = exported.graph.output_node()
    return [
        each.meta.get("val") if isinstance(each, torch.fx.Node) else each
        for each in node.args[0]
    ]


def _hint(size: Any) -> int:  # noqa: ANN401 - a number or torch's name for one
    """Return the size that the example had when the program was exported."""
    if isinstance(size, int):
        return size
    return int(size.node.hint or 1) if size.node.has_hint() else 1


def _spec(name: str, value: Any) -> TensorSpec:  # noqa: ANN401 - a fake tensor
    if not isinstance(value, torch.Tensor):
        kind = float if isinstance(value, torch.SymFloat) else type(value)
        known = {bool: "BOOL", torch.SymBool: "BOOL", float: "FP64", str: "BYTES"}
        return TensorSpec(name=name, datatype=known.get(kind, "INT64"), shape=())
    shape = tuple(size if isinstance(size, int) else _ANY for size in value.shape)
    return TensorSpec(name=name, datatype=datatype(value.dtype), shape=shape)


class _Sizes:
    """The sizes that a program was exported for, and how they hang together."""

    def __init__(self, names: list[str], values: list[Any], ranges: Any) -> None:  # noqa: ANN401 - as above
        self._ranges = {str(key): _bounds(each) for key, each in ranges.items()}
        #: Input, axis, the name of its size or a formula.
        self._axes = [
            (index, name, axis, size.node.expr)
            for index, (name, value) in enumerate(zip(names, values, strict=True))
            for axis, size in enumerate(value.shape)
            if not isinstance(size, int)
        ]
        self._plain = [
            (index, name, axis, str(size))
            for index, name, axis, size in self._axes
            if size.is_Symbol
        ]
        self._formulas = [each for each in self._axes if not each[3].is_Symbol]
        self._first = [_first(value) for value in values]

    def check(self, tensors: Sequence[Any]) -> None:
        """Refuse *tensors* whose sizes are out of range, or do not fit each other.

        Raises:
            InvalidInput: Naming the input and its axis.

        """
        sizes: dict[str, tuple[int, str, int]] = {}
        for index, name, axis, symbol in self._plain:
            size = tensors[index].shape[axis]
            known = sizes.setdefault(symbol, (size, name, axis))
            if known[0] != size:
                raise InvalidInput(
                    f"axis {axis} of input {name!r} is {size}, expected {known[0]} "
                    f"as axis {known[2]} of input {known[1]!r}"
                )
            low, high = self._ranges.get(symbol, (0, math.inf))
            if not low <= size <= high:
                raise InvalidInput(
                    f"axis {axis} of input {name!r} is {size}, expected {low} "
                    f"{'or more' if high == math.inf else f'to {high}'}"
                )
        if self._formulas:
            self._check_formulas(tensors, {key: each[0] for key, each in sizes.items()})

    def rows(self, outputs: Sequence[Any]) -> int | None:
        """Return how many rows one call takes at most, 0 for any.

        None if axis 0 of all inputs and *outputs* is not one free size.
        """
        firsts = {*self._first, *(_first(each) for each in outputs)}
        symbol = firsts.pop() if len(firsts) == 1 else ""
        low, high = self._ranges.get(symbol, (0, math.inf))
        if not symbol or low > 1:
            return None
        # Who calls splits what has more.
        self._ranges[symbol] = (0, math.inf)
        return 0 if high == math.inf else int(high)

    def _check_formulas(self, tensors: Sequence[Any], known: dict[str, int]) -> None:
        for index, name, axis, formula in self._formulas:
            size = tensors[index].shape[axis]
            free = {each: known.get(str(each)) for each in formula.free_symbols}
            if None in free.values():
                self._solve(formula, size, name, axis, known)
            elif int(formula.subs(free)) != size:
                raise InvalidInput(
                    f"axis {axis} of input {name!r} is {size}, "
                    f"expected {formula.subs(free)}"
                )

    def _solve(
        self,
        formula: Any,  # noqa: ANN401 - sympy has no types
        size: int,
        name: str,
        axis: int,
        known: dict[str, int],
    ) -> None:
        """Learn the only unknown of *formula* from *size*, such as b of 2*b."""
        import sympy

        unknown = [each for each in formula.free_symbols if str(each) not in known]
        values = {each: known[str(each)] for each in formula.free_symbols - {*unknown}}
        found = []
        if len(unknown) == 1:
            with contextlib.suppress(NotImplementedError):
                found = sympy.solve(formula.subs(values) - size, unknown[0])
            low, high = self._ranges.get(str(unknown[0]), (0, math.inf))
            found = [each for each in found if each.is_integer and low <= each <= high]
        if not found:
            raise InvalidInput(
                f"axis {axis} of input {name!r} is {size}, expected {formula}"
            )
        known[str(unknown[0])] = int(found[0])


def _first(value: Any) -> str:  # noqa: ANN401 - a fake tensor
    """Return the name of the size of axis 0, empty where it is no free one."""
    shape = getattr(value, "shape", ())
    if not shape or isinstance(shape[0], int):
        return ""
    return str(shape[0].node.expr) if shape[0].node.expr.is_Symbol else ""


def _bounds(constraint: Any) -> tuple[int, float]:  # noqa: ANN401 - as above
    # What has no end is another kind of number there.
    low, high = constraint.lower, constraint.upper
    return (
        int(low) if low.is_Integer and low > _SPECIALIZED else 0,
        int(high) if high.is_Integer else math.inf,
    )


def _load_error(path: Path, error: Exception, version: str) -> ModelLoadError:
    text = said(error)
    saved = f" (saved by torch {version})" if version else ""
    if "version" in text.lower() or "opset" in text:
        return ModelLoadError(
            f"{path.name} does not fit torch {torch.__version__}{saved}: {text}",
            reason=Reason.ModelVersionMismatch,
            remedy="install the torch that saved it, or export the model again",
        )
    return corrupt(path, f"{text}{saved}")
