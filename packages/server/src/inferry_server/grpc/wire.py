"""The outermost fields of a message, taken apart without protobuf.

The tensors of a large message are long runs of bytes in it. protobuf copies each twice
before Python sees it; here they stay where they are. What is left is small, and
protobuf reads it. It also bounds how many fields a message may have: two bytes of it
may become a hundred in memory.
Source: protobuf, "Encoding".
"""

from __future__ import annotations

from functools import lru_cache

from inferry.errors import InvalidInput

#: More inputs, outputs and parameters than any model has.
MAX_FIELDS = 40_000
_LENGTH_DELIMITED = 2
_FIXED = {1: 8, 5: 4}
_VARINT = 0
#: An old form of nested message, between two tags of its number; nobody writes it, and
#: protobuf reads it.
_GROUP, _GROUP_END = 3, 4
_LONGEST_VARINT = 10


def split(body: bytes, number: int) -> tuple[bytes, list[memoryview]]:
    """Return *body* without the field *number*, and each value of that field.

    Raises:
        InvalidInput: It is no message, or has too many fields.

    """
    view = memoryview(body)
    size = len(body)
    wanted = number << 3 | _LENGTH_DELIMITED
    found: list[memoryview] = []
    kept: list[memoryview] = []
    groups: list[int] = []
    at = start = 0
    for _ in range(MAX_FIELDS):
        if at == size and not groups:
            kept.append(view[start:])
            return b"".join(kept), found
        tag, value = _varint(body, at)
        kind = tag & 7
        if kind == _LENGTH_DELIMITED:
            length, value = _varint(body, value)
            end = value + length
        elif kind == _VARINT:
            end = _varint(body, value)[1]
        elif kind in {_GROUP, _GROUP_END}:
            _nest(groups, tag)
            end = value
        else:
            end = value + _FIXED.get(kind, size)
        if end > size:
            raise InvalidInput("the message is broken: a field ends after it")
        if tag == wanted and not groups:
            kept.append(view[start:at])
            found.append(view[value:end])
            start = end
        at = end
    raise InvalidInput(f"the message has more than {MAX_FIELDS} fields")


def _nest(groups: list[int], tag: int) -> None:
    """Keep the numbers of the *groups* that are open after *tag*."""
    if tag & 7 == _GROUP:
        groups.append(tag >> 3)
    elif not groups or groups.pop() != tag >> 3:
        raise InvalidInput("the message is broken: a group ends that did not begin")


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at *at*, and where it ends."""
    value = 0
    for index in range(_LONGEST_VARINT):
        if at + index >= len(body):
            break
        byte = body[at + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:  # noqa: PLR2004 - the bit that says there is more
            return value, at + index + 1
    raise InvalidInput("the message is broken: a number in it does not end")


def varint(value: int) -> bytes:
    """Return *value* as protobuf writes it."""
    if value < 0x80:  # noqa: PLR2004 - as above
        return bytes((value,))
    made = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - as above
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


@lru_cache(1024)
def prefix(number: int, length: int) -> bytes:
    """Return what stands before a value of *length* bytes in the field *number*."""
    return varint(number << 3 | _LENGTH_DELIMITED) + varint(length)
