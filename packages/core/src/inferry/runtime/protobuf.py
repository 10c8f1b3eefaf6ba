"""Walk the fields of a protobuf message without its schema's code.

For a runtime that must look into a file before its framework reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["fields", "packed", "signed"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT = 70
_SIGN = 1 << 63
_CONTINUES = 0x80


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and the value of each field, integers without their sign.

    What has a length is a part of *data*, not copied; of a fixed number it is 0.

    Raises:
        ValueError: The message is cut off, or is none.

    """
    position, end = 0, len(data)
    while position < end:
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        value: int | memoryview = 0
        if wire == _VARINT:
            value, position = _varint(data, position)
        elif wire in (_FIXED64, _FIXED32):
            position += 8 if wire == _FIXED64 else 4
        elif wire == _BYTES:
            length, start = _varint(data, position)
            position = start + length
            value = data[start:position]
        else:
            msg = f"wire type {wire}"
            raise ValueError(msg)
        if position > end or number == 0:
            msg = "a field goes beyond the end"
            raise ValueError(msg)
        yield number, value


def signed(value: int) -> int:
    """Return the int64 whose varint *value* is."""
    return value - 2 * _SIGN if value >= _SIGN else value


def packed(data: memoryview) -> Iterator[int]:
    """Yield the integers of a packed field, without their sign.

    Raises:
        ValueError: One is cut off.

    """
    position = 0
    while position < len(data):
        value, position = _varint(data, position)
        yield value


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    result = shift = 0
    while shift < _MAX_VARINT and position < len(data):
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < _CONTINUES:
            return result, position
        shift += 7
    msg = "an integer is cut off"
    raise ValueError(msg)
