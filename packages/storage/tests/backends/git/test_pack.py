"""Packs are read within their bounds, and broken ones are refused."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferry.storage import Corrupt, TooLarge
from inferry_storage.backends.git.pack import Pack

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 2**20


def opened(data: bytes, limit: int = MIB, most: int = 100) -> Pack:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        return Pack(file, limit=limit, most=most)


def packed(*objects: bytes, count: int | None = None) -> bytes:
    number = len(objects) if count is None else count
    body = b"PACK" + (2).to_bytes(4, "big") + number.to_bytes(4, "big")
    body += b"".join(objects)
    return body + hashlib.sha1(body).digest()


def made(
    kind: int, data: bytes, *, size: int | None = None, between: bytes = b""
) -> bytes:
    left = len(data) if size is None else size
    head = bytearray([kind << 4 | left & 15])
    left >>= 4
    while left:
        head[-1] |= 0x80
        head.append(left & 0x7F)
        left >>= 7
    return bytes(head) + between + zlib.compress(data)


def named(data: bytes, kind: str = "blob") -> bytes:
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data).digest()


def number(value: int) -> bytes:
    out = bytearray()
    while True:
        out.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def delta(base: bytes, result: bytes) -> bytes:
    """Say that *result* is the first half of *base* and then its own rest."""
    half = min(len(base), len(result), 0xFFFF) // 2
    while base[:half] != result[:half]:
        half -= 1
    out = number(len(base)) + number(len(result))
    if half:
        out += bytes([0x80 | 0x30, half & 255, half >> 8])
    for start in range(half, len(result), 127):
        part = result[start : start + 127]
        out += bytes([len(part)]) + part
    return out


@given(st.lists(st.binary(max_size=300), max_size=6), st.binary(max_size=300))
def test_what_is_packed_is_read(blobs: list[bytes], changed: bytes) -> None:
    base = blobs[0] if blobs else b"base"
    objects = [made(3, each) for each in blobs or [base]]
    objects.append(made(7, delta(base, changed), between=named(base)))
    pack = opened(packed(*objects))

    for each in (*blobs, changed):
        assert pack.load(named(each)) == each
        assert b"".join(pack.read(named(each))) == each
        assert pack.size(named(each)) == len(each)
        assert pack.kind(named(each)) == "blob"
    pack.close()


def test_a_base_may_come_after_what_is_made_from_it() -> None:
    base, second, third = b"a" * 100, b"a" * 99 + b"b", b"a" * 98 + b"bc"
    pack = opened(
        packed(
            made(7, delta(second, third), between=named(second)),
            made(7, delta(base, second), between=named(base)),
            made(3, base),
        )
    )

    assert pack.load(named(third)) == third
    pack.close()


def _broken() -> Iterator[tuple[str, bytes]]:
    blob = made(3, b"data")
    good = packed(blob)
    yield "short", good[:20]
    yield "checksum", good[:-1] + bytes([good[-1] ^ 1])
    yield "no pack", b"JUNK" + good[4:]
    yield "fewer objects", packed(blob, count=2)
    yield "more objects", packed(blob, blob, count=1)
    yield "kind 0", packed(made(0, b"data"))
    yield "kind 5", packed(made(5, b"data"))
    yield "size too small", packed(made(3, b"data", size=3))
    yield "size too large", packed(made(3, b"data", size=5))
    yield "no zlib", packed(b"\x34data")
    yield "cut zlib", packed(blob[:-5])
    yield "unknown base", packed(made(7, delta(b"x", b"y"), between=bytes(20)))
    yield "base before", packed(blob, made(6, delta(b"x", b"y"), between=b"\x7f"))
    yield "base is itself", packed(made(6, delta(b"x", b"y"), between=b"\x00"))
    yield "base far", packed(made(6, b"", between=b"\xff\xff\xff\xff\xff\xff\x7f"))
    for name, change in {
        "no size": b"",
        "endless size": b"\xff" * 20,
        "other base": number(3) + number(1) + b"\x01x",
        "too little": number(4) + number(9) + b"\x01x",
        "too much": number(4) + number(1) + b"\x02xy",
        "copy past": number(4) + number(9) + b"\x90\x09",
        "insert past": number(4) + number(9) + b"\x09x",
        "nothing": number(4) + number(1) + b"\x00",
        "cut copy": number(4) + number(1) + b"\xff",
    }.items():
        yield f"delta, {name}", packed(blob, made(7, change, between=named(b"data")))


@pytest.mark.parametrize(
    "data", [d for _, d in _broken()], ids=[n for n, _ in _broken()]
)
def test_a_broken_pack_is_refused(data: bytes) -> None:
    with pytest.raises(Corrupt):
        opened(data)


def test_a_bomb_is_refused_before_it_is_inflated() -> None:
    announced = made(3, bytes(8 * MIB))
    hidden = made(3, bytes(8 * MIB), size=10)
    small = b"x" * 1000
    big = number(1000) + number(10**12)
    growing = number(1000) + number(100_000) + b"\xb0\xe8\x03" * 100

    with pytest.raises(TooLarge):
        opened(packed(announced))
    with pytest.raises(Corrupt):
        opened(packed(hidden))
    with pytest.raises(Corrupt):
        opened(packed(made(3, small), made(7, big, between=named(small))))
    with pytest.raises(TooLarge):
        opened(
            packed(
                made(3, small),
                *(made(7, growing, between=named(small)) for _ in range(99)),
            )
        )
    with pytest.raises(TooLarge, match="101 objects"):
        opened(packed(*[made(3, b"")] * 101))


def test_a_chain_without_end_is_refused() -> None:
    objects, data = [made(3, b"0")], b"0"
    for value in range(1, 400):
        after = str(value).encode()
        objects.append(made(7, delta(data, after), between=named(data)))
        data = after

    with pytest.raises(Corrupt, match="chain"):
        opened(packed(*objects), most=1000)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_changed_in_a_pack_it_is_read_or_refused(
    data: st.DataObject,
) -> None:
    objects = packed(
        made(3, b"a" * 50),
        made(7, delta(b"a" * 50, b"a" * 49 + b"b"), between=named(b"a" * 50)),
    )
    body = bytearray(objects[:-20])
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    whole = bytes(body) + hashlib.sha1(body).digest()
    try:
        opened(whole).close()
    except (Corrupt, TooLarge):
        return
