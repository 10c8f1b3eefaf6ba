"""Protocol buffers by hand: the little of them that a gateway reads and writes.

The wire format is read without classes, so a message of any version passes as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


class Malformed(ValueError):
    """The bytes are no message."""


def text_field(message: bytes, number: int) -> str:
    """Return the string field *number* of *message*, empty where it is not set.

    Raises:
        Malformed: *message* is no protocol buffer.
    """
    found = b""
    position, end = 0, len(message)
    while position < end:
        key, position = _varint(message, position)
        kind = key & 7
        if kind == _VARINT:
            _, position = _varint(message, position)
            continue
        if kind == _BYTES:
            size, position = _varint(message, position)
        elif kind in {_FIXED32, _FIXED64}:
            size = 4 if kind == _FIXED32 else 8
        else:
            msg = f"wire type {kind}"
            raise Malformed(msg)
        if position + size > end:
            msg = "a field is cut"
            raise Malformed(msg)
        if kind == _BYTES and key >> 3 == number:
            found = message[position : position + size]  # the last one counts
        position += size
    try:
        return found.decode()
    except UnicodeDecodeError:
        msg = f"field {number} is not UTF-8"
        raise Malformed(msg) from None


def text(number: int, value: str) -> bytes:
    """Return a string field; nothing for an empty one, as proto3 has it."""
    return nested(number, value.encode()) if value else b""


def nested(number: int, value: bytes) -> bytes:
    """Return a field that is a message, or bytes."""
    return _number(number << 3 | _BYTES) + _number(len(value)) + value


def flag(number: int, *, value: bool) -> bytes:
    """Return a boolean field; nothing for false."""
    return _number(number << 3) + b"\x01" if value else b""


def enum(number: int, value: int) -> bytes:
    """Return an enumeration's field."""
    return _number(number << 3) + _number(value)


def joined(parts: Iterable[bytes]) -> bytes:
    """Return a message made of fields."""
    return b"".join(parts)


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 7 * _LONGEST_VARINT, 7):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004
            return value, position
    msg = "a number is cut"
    raise Malformed(msg)


def _number(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:  # noqa: PLR2004
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
