"""Between V2 tensors and what onnxruntime takes and gives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from inferry.errors import InferenceError, InvalidInput, ModelLoadError
from inferry.model import DATATYPES, Tensor, TensorSpec
from inferry.runtime.tensors import encoded, objects, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: onnxruntime's element type -> V2 datatype.
ELEMENTS: Mapping[str, str] = {
    "bool": "BOOL",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "float16": "FP16",
    "float": "FP32",
    "double": "FP64",
    "string": "BYTES",
}
_ANY = -1
_TENSOR = re.compile(r"(?:optional\()?tensor\((\w+)\)\)?\Z")
_MAPS = re.compile(r"(?:seq\()?map\(\w+,\s*tensor\((\w+)\)\)\)?\Z")
_SEQUENCE = re.compile(r"seq\(tensor\((\w+)\)\)\Z")


class Port(msgspec.Struct, frozen=True, kw_only=True):
    """One input or output of a session; ``axes`` as onnxruntime names them."""

    spec: TensorSpec
    axes: tuple[int | str | None, ...]

    #: The axes whose size is given, which a quick look at a tensor's shape needs.
    fixed: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        sizes = enumerate(self.spec.shape)
        fixed = tuple((axis, size) for axis, size in sizes if size != _ANY)
        msgspec.structs.force_setattr(self, "fixed", fixed)

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Say whether a tensor may have *shape*."""
        if len(shape) != len(self.spec.shape):
            return False
        for axis, size in self.fixed:  # noqa: SIM110 - a generator would take longer
            if shape[axis] != size:
                return False
        return True


def port(argument: Any, *, output: bool = False) -> Port:  # noqa: ANN401 - onnxruntime's NodeArg has no types
    """Return the V2 view of *argument*, a NodeArg of onnxruntime.

    Outputs that are no tensors are served where a tensor says the same: a list of
    maps (ZipMap of sklearn-onnx) as a matrix with a column per key, a list of tensors
    of one shape as their stack.

    Raises:
        ModelLoadError: V2 has no tensor for it.

    """
    axes: tuple[int | str | None, ...]
    if match := _TENSOR.match(argument.type):
        axes = tuple(argument.shape)
    elif output and (match := _MAPS.match(argument.type)):
        axes = (None, None)
    elif output and (match := _SEQUENCE.match(argument.type)):
        axes = (None,)
    datatype = ELEMENTS.get(match[1]) if match else None
    if datatype is None:
        what = "output" if output else "input"
        raise ModelLoadError(
            f"{what} {argument.name!r} is a {argument.type}, "
            "which no V2 tensor can hold",
            remedy="export the model with plain tensors",
        )
    shape = tuple(size if isinstance(size, int) else -1 for size in axes)
    spec = TensorSpec(name=argument.name, datatype=datatype, shape=shape)
    return Port(spec=spec, axes=axes)


def feed(ports: Mapping[str, Port], inputs: Iterable[Tensor]) -> dict[str, Any]:
    """Return the arrays to run with, or say which tensor does not fit.

    Raises:
        InvalidInput: A tensor is unknown, missing, twice, or of a wrong type or shape.

    """
    arrays: dict[str, Any] = {}
    for tensor in inputs:
        expected = ports.get(tensor.name)
        if expected is None:
            raise InvalidInput(
                f"unknown input {tensor.name!r}; the model takes {_names(ports)}"
            )
        if tensor.name in arrays:
            raise InvalidInput(f"input {tensor.name!r} is given twice")
        spec = expected.spec
        if tensor.datatype != spec.datatype or not expected.fits(tensor.data.shape):
            raise _misfit(tensor, spec)
        # What onnxruntime calls a string is a str.
        arrays[tensor.name] = (
            objects(texts(tensor), tensor.data.shape)
            if tensor.datatype == "BYTES"
            else tensor.data
        )
    if len(arrays) != len(ports):
        missing = [name for name in ports if name not in arrays]
        raise InvalidInput(
            f"input {', '.join(map(repr, missing))} is missing; "
            f"the model takes {_names(ports)}"
        )
    return arrays


def tensors(
    ports: Mapping[str, Port], names: Sequence[str], values: Sequence[Any]
) -> tuple[Tensor, ...]:
    """Return the tensors for *values*, but for optional outputs that are absent."""
    made = []
    for name, value in zip(names, values, strict=True):
        spec = ports[name].spec
        if type(value) is np.ndarray and spec.datatype != "BYTES":
            # onnxruntime gives arrays of its own, in C order.
            made.append(Tensor(name=name, datatype=spec.datatype, data=value))
        elif value is not None:
            made.append(_tensor(spec, value))
    return tuple(made)


def _tensor(spec: TensorSpec, value: Any) -> Tensor:  # noqa: ANN401 - whatever the graph gives
    parameters: Mapping[str, Any] = {}
    if isinstance(value, dict):
        value = [value]
    if isinstance(value, list):
        array, parameters = _stack(spec, value)
    else:
        array = np.ascontiguousarray(value) if np.ndim(value) else np.asarray(value)
    if spec.datatype == "BYTES":
        array = encoded(array)
    return Tensor(
        name=spec.name, datatype=spec.datatype, data=array, parameters=parameters
    )


def _misfit(tensor: Tensor, spec: TensorSpec) -> InvalidInput:
    if tensor.datatype != spec.datatype:
        return InvalidInput(
            f"input {tensor.name!r} is {tensor.datatype}, expected {spec.datatype}"
        )
    return InvalidInput(
        f"input {tensor.name!r} has shape {list(tensor.data.shape)}, "
        f"expected {list(spec.shape)} (-1: any size)"
    )


def _stack(
    spec: TensorSpec, values: Sequence[Any]
) -> tuple[np.ndarray[Any, Any], Mapping[str, Any]]:
    """Return a list of maps or tensors as one array, and the maps' keys."""
    if not values:  # no row, so no key either
        shape = [0 if size == _ANY else size for size in spec.shape]
        return np.zeros(shape, DATATYPES[spec.datatype]), {}
    maps = [value for value in values if isinstance(value, dict)]
    if not maps:
        shapes = {np.shape(value) for value in values}
        if len(shapes) > 1:
            raise InferenceError(
                f"output {spec.name!r} is a list of tensors of different shapes, "
                "which no V2 tensor can hold"
            )
        return np.array(values), {}
    keys = list(maps[0])
    if len(maps) != len(values) or any(list(row) != keys for row in maps):
        raise InferenceError(
            f"output {spec.name!r} is a list of maps of different keys"
        )
    # Python's numbers are wider than the model's.
    dtype = DATATYPES[spec.datatype]
    rows = np.array([list(row.values()) for row in maps], dtype=dtype)
    return rows, {"keys": [key if isinstance(key, str) else str(key) for key in keys]}


def _names(ports: Mapping[str, Port]) -> str:
    return ", ".join(map(repr, ports)) or "none"
