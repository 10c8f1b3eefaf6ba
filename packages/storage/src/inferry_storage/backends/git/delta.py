"""Objects of a pack that are written as changes of others: gitformat-pack(5)."""

from __future__ import annotations

from inferry.storage import Corrupt

#: An object that is made from others is whole in memory.
MAX_MADE = 128 * 2**20
_CONTINUES = 0x80
_LOW_BITS = 0x7F


def changed(base: bytes, delta: bytes) -> bytes:
    """Return what *delta* makes of *base*.

    Raises:
        Corrupt: It is for another base, leaves it, or makes another size.

    """
    size, place = _number(delta, 0)
    expected, place = _number(delta, place)
    if size != len(base) or expected > MAX_MADE:
        raise Corrupt("the pack has a change of another base")
    made = bytearray()
    while place < len(delta):
        order = delta[place]
        place += 1
        if order & _CONTINUES:
            start, count, place = _copied(delta, order, place)
            part = base[start : start + count]
        else:
            count = order
            part = delta[place : place + count]
            place += count
        made += part
        if not count or len(part) != count or len(made) > expected:
            raise Corrupt("the pack has a change that leaves its base")
    if len(made) != expected:
        raise Corrupt("the pack has a change that makes too little")
    return bytes(made)


def _copied(delta: bytes, order: int, place: int) -> tuple[int, int, int]:
    value = 0
    for bit in range(7):
        if order >> bit & 1:
            value |= delta[place : place + 1].ljust(1, b"\0")[0] << 8 * bit
            place += 1
    return value & 0xFFFFFFFF, (value >> 32) or 0x10000, place


def _number(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 64:  # noqa: PLR2004 - bits
        byte = data[place]
        place += 1
        value |= (byte & _LOW_BITS) << shift
        shift += 7
        if not byte & _CONTINUES:
            return value, place
    raise Corrupt("the pack has a change without a size")
