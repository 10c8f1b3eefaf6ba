"""Between V2 tensors and what onnxruntime takes and gives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from inferry.errors import InferenceError, InvalidInput, ModelLoadError
from inferry.model import DATATYPES, Tensor, TensorSpec

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
_TENSOR = re.compile(r"(?:optional\()?tensor\((\w+)\)\)?\Z")
_MAPS = re.compile(r"(?:seq\()?map\(\w+,\s*tensor\((\w+)\)\)\)?\Z")
_SEQUENCE = re.compile(r"seq\(tensor\((\w+)\)\)\Z")


class Port(msgspec.Struct, frozen=True, kw_only=True):
    """One input or output of a session; ``axes`` as onnxruntime names them."""

    spec: TensorSpec
    axes: tuple[int | str | None, ...]


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
        _check(tensor, expected.spec)
        arrays[tensor.name] = (
            _decode(tensor) if tensor.datatype == "BYTES" else tensor.data
        )
    if len(arrays) != len(ports):
        missing = [name for name in ports if name not in arrays]
        raise InvalidInput(
            f"input {', '.join(map(repr, missing))} is missing; "
            f"the model takes {_names(ports)}"
        )
    return arrays


def tensor(port: Port, value: Any) -> Tensor | None:  # noqa: ANN401 - whatever the graph gives
    """Return the tensor for *value*, or None where an optional output is absent."""
    spec = port.spec
    if type(value) is np.ndarray and spec.datatype != "BYTES":
        # onnxruntime gives arrays of its own, in C order.
        return Tensor(name=spec.name, datatype=spec.datatype, data=value)
    if value is None:
        return None
    parameters: Mapping[str, Any] = {}
    if isinstance(value, dict):
        value = [value]
    if isinstance(value, list):
        array, parameters = _stack(spec, value)
    else:
        array = np.ascontiguousarray(value) if np.ndim(value) else np.asarray(value)
    if spec.datatype == "BYTES":
        array = _encode(array)
    return Tensor(
        name=spec.name, datatype=spec.datatype, data=array, parameters=parameters
    )


def _check(tensor: Tensor, spec: TensorSpec) -> None:
    if tensor.datatype != spec.datatype:
        raise InvalidInput(
            f"input {tensor.name!r} is {tensor.datatype}, expected {spec.datatype}"
        )
    shape = tensor.data.shape
    if len(shape) != len(spec.shape) or not all(map(_fits, spec.shape, shape)):
        raise InvalidInput(
            f"input {tensor.name!r} has shape {list(shape)}, "
            f"expected {list(spec.shape)} (-1: any size)"
        )


def _fits(want: int, got: int) -> bool:
    return want in (got, -1)


def _decode(tensor: Tensor) -> np.ndarray[Any, Any]:
    """Return the elements as str, which is what onnxruntime calls a string."""
    texts = np.empty(tensor.data.size, dtype=object)
    for index, element in enumerate(tensor.data.flat):
        try:
            texts[index] = element.decode()
        except UnicodeDecodeError as error:
            raise InvalidInput(
                f"element {index} of input {tensor.name!r} is not UTF-8 text "
                f"(byte {error.start})"
            ) from None
    return texts.reshape(tensor.data.shape)


def _encode(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    encoded = np.empty(array.size, dtype=object)
    for index, element in enumerate(array.flat):
        encoded[index] = (
            element if isinstance(element, bytes) else str(element).encode()
        )
    return encoded.reshape(array.shape)


def _stack(
    spec: TensorSpec, values: Sequence[Any]
) -> tuple[np.ndarray[Any, Any], Mapping[str, Any]]:
    """Return a list of maps or tensors as one array, and the maps' keys."""
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
