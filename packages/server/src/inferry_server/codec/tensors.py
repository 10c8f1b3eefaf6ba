"""The tensors of gRPC: raw bytes, or typed lists of values, to arrays and back.

The typed form has one list of Python values for each family of datatypes: INT8 travels
as int32, so its range is checked here. FP16 and BF16 have no list: only raw bytes carry
them. Source: Open Inference Protocol, `InferTensorContents`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from inferry.errors import InvalidInput
from inferry_server.codec.datatypes import MAX_ELEMENTS, dtype_of, element_count
from inferry_server.codec.raw import from_bytes as from_raw
from inferry_server.codec.raw import to_bytes as to_raw
from inferry_server.codec.values import as_bytes, object_array

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from inferry_server.codec.datatypes import Array

__all__ = [
    "CONTENTS",
    "FIELDS",
    "field_of",
    "from_contents",
    "from_message",
    "from_raw",
    "to_contents",
    "to_raw",
]

#: Datatype -> the field of `InferTensorContents` that holds its values.
CONTENTS: Mapping[str, str] = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
FIELDS = tuple(dict.fromkeys(CONTENTS.values()))

#: The fields that are wider than some of their datatypes.
_WIDE = {"int_contents": "int32", "uint_contents": "uint32"}


def field_of(datatype: str, tensor: str) -> str:
    """Return the field that holds the values of *datatype*.

    Raises:
        InvalidInput: None does; raw bytes may.

    """
    dtype_of(datatype, tensor)
    field = CONTENTS.get(datatype)
    if field is None:
        raise InvalidInput(
            f"tensor {tensor!r}: {datatype} has no typed contents; send it in "
            "raw_input_contents"
        )
    return field


def from_message(
    contents: object,
    datatype: str,
    shape: Sequence[int],
    tensor: str,
    max_elements: int = MAX_ELEMENTS,
) -> Array:
    """Return *contents*, a message with the `FIELDS`, as an array of *shape*.

    Raises:
        InvalidInput: Values of another datatype, too many or too few, out of range.

    """
    field = field_of(datatype, tensor)
    for other in FIELDS:
        if other != field and getattr(contents, other):
            raise InvalidInput(
                f"tensor {tensor!r}: {other} is given, expected {field} for {datatype}"
            )
    given = getattr(contents, field)
    return from_contents(given, datatype, shape, tensor, max_elements)


def from_contents(
    given: Sequence[Any],
    datatype: str,
    shape: Sequence[int],
    tensor: str,
    max_elements: int = MAX_ELEMENTS,
) -> Array:
    """Return the values *given* in the field of *datatype* as an array of *shape*.

    Raises:
        InvalidInput: Too many or too few, or out of the range of *datatype*.

    """
    field = field_of(datatype, tensor)
    count = element_count(shape, tensor, max_elements)
    if len(given) != count:
        raise InvalidInput(
            f"tensor {tensor!r}: {field} has {len(given)} values, expected {count} for "
            f"shape {list(shape)}"
        )
    if datatype == "BYTES":
        return object_array([as_bytes(item) for item in given]).reshape(shape)
    dtype = dtype_of(datatype, tensor)
    wide = np.array(given, dtype=_WIDE.get(field, dtype))
    if wide.dtype == dtype:
        return wide.reshape(shape)
    _check_range(wide, datatype, tensor)
    return wide.astype(dtype).reshape(shape)


def _check_range(wide: Array, datatype: str, tensor: str) -> None:
    limits = np.iinfo(dtype_of(datatype, tensor))
    wrong = (wide < limits.min) | (wide > limits.max)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise InvalidInput(
            f"tensor {tensor!r}: element {at} is {wide[at]}, out of the range of "
            f"{datatype} ({limits.min} to {limits.max})"
        )


def to_contents(data: Array, datatype: str) -> tuple[str, Iterable[Any]]:
    """Return the field for *datatype* and the values of *data* in row-major order.

    Raises:
        InvalidInput: No field holds *datatype*; `to_raw` can write it.

    """
    field = field_of(datatype, "output")
    flat = data.reshape(-1)
    if datatype == "BYTES":
        return field, [as_bytes(item) for item in flat]
    values: list[Any] = flat.tolist()
    return field, values
