"""The bytes of the binary tensor data extension: little-endian, row-major, no gaps."""

from __future__ import annotations

import sys
from struct import Struct
from struct import error as struct_error
from typing import TYPE_CHECKING

import numpy as np

from inferry.errors import InvalidInput
from inferry_server.codec.datatypes import MAX_ELEMENTS, dtype_of, element_count
from inferry_server.codec.values import as_bytes, object_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_server.codec.datatypes import Array

_LENGTH = Struct("<I")
#: Up to here the bytes themselves are quicker to have than a view of them.
_SMALL = 1024
_SWAPPED = sys.byteorder != "little"


def from_bytes(
    buffer: memoryview,
    datatype: str,
    shape: Sequence[int],
    tensor: str,
    max_elements: int = MAX_ELEMENTS,
) -> Array:
    """Return *buffer* as an array of *shape* that shares its memory where it can.

    The array is aligned: it is copied only where *buffer* starts at an odd address.

    Raises:
        InvalidInput: The sizes disagree, or the bytes are no values of *datatype*.

    """
    dtype = dtype_of(datatype, tensor)
    count = element_count(shape, tensor, max_elements)
    if datatype == "BYTES":
        return _split(buffer, count, tensor).reshape(shape)
    expected = count * dtype.itemsize
    if len(buffer) != expected:
        raise InvalidInput(
            f"tensor {tensor!r}: {len(buffer)} bytes of data, expected {expected} for "
            f"{datatype} of shape {list(shape)}"
        )
    if not expected:
        return np.empty(shape, dtype)
    if datatype == "BOOL" and np.frombuffer(buffer, np.uint8).max() > 1:
        raise InvalidInput(f"tensor {tensor!r}: a BOOL byte is neither 0 nor 1")
    if _SWAPPED:
        return np.ndarray(shape, dtype.newbyteorder("<"), buffer).astype(dtype)
    array: Array = np.ndarray(shape, dtype, buffer)
    return array if array.flags.aligned else array.copy()


def _split(buffer: memoryview, count: int, tensor: str) -> Array:
    # Each element takes four bytes at least: a huge count is refused before any list.
    if count * _LENGTH.size > len(buffer):
        raise InvalidInput(
            f"tensor {tensor!r}: {len(buffer)} bytes of data cannot hold {count} BYTES "
            "elements"
        )
    data = bytes(buffer)
    unpack = _LENGTH.unpack_from
    items: list[bytes] = []
    append = items.append
    at = 0
    try:
        for _ in range(count):
            start = at + 4
            at = start + unpack(data, at)[0]
            append(data[start:at])
    except struct_error:
        at = len(data) + 1
    if at != len(data):
        raise _uneven(data, count, tensor)
    return object_array(items)


def _uneven(data: bytes, count: int, tensor: str) -> InvalidInput:
    """Return what is wrong with *data*, whose elements do not end where it does."""
    at = 0
    for index in range(count):
        start = at + _LENGTH.size
        if start > len(data):
            return InvalidInput(f"tensor {tensor!r}: data ends before element {index}")
        at = start + _LENGTH.unpack_from(data, at)[0]
        if at > len(data):
            return InvalidInput(f"tensor {tensor!r}: data ends within element {index}")
    return InvalidInput(
        f"tensor {tensor!r}: {len(data) - at} bytes are left after its {count} elements"
    )


def to_bytes(data: Array, datatype: str) -> bytes | memoryview:
    """Return the bytes of *data*, without a copy where its memory is laid out so."""
    if datatype == "BYTES":
        parts: list[bytes] = []
        pack = _LENGTH.pack
        for item in data.ravel().tolist():
            found = item if type(item) is bytes else as_bytes(item)
            parts += pack(len(found)), found
        return b"".join(parts)
    if data.nbytes <= _SMALL and not _SWAPPED and data.dtype.isnative:
        return data.tobytes()
    if datatype == "BF16":  # its dtype has no buffer interface
        return np.ascontiguousarray(data).reshape(-1).view(np.uint8).data
    little = data.astype(data.dtype.newbyteorder("<"), copy=False)
    if not data.size:
        return b""
    return np.ascontiguousarray(little).reshape(-1).view(np.uint8).data
