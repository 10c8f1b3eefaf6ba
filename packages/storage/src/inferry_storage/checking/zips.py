"""Zip archives, read strictly: what two readers would see differently is refused.

Loaders of models find the members of a zip in different ways (from the end, from the
start, with or without sums), so a zip passes here only if all of them see the same:
members one after the other from the first byte on, each described twice and alike.
Specification: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.
"""

from __future__ import annotations

import stat
import struct
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1 << 20
_LONGEST_COMMENT = 0xFFFF
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _DESCRIBED_BEHIND, _STRONG, _UTF8, _MASKED = 1, 8, 0x40, 0x800, 0x2000
#: A data descriptor is 12 to 24 bytes long.
_LONGEST_DESCRIPTOR = 24
_LARGEST_DIRECTORY = 64 << 20
#: The first bytes of a zip, of an empty one, and of one that was split.
MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


class BadZip(Exception):
    """The bytes are no zip archive, or not all of one; the text says why."""


class OddZip(BadZip):
    """A zip that readers understand differently, or that cannot be looked into."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One thing in an archive."""

    path: str
    size: int
    packed: int
    crc: int
    method: int
    flags: int
    mode: int
    offset: int

    @property
    def kind(self) -> str:
        """Return file, folder or other."""
        if self.path.endswith("/"):
            return "folder"
        return "file" if stat.S_IFMT(self.mode) in {0, stat.S_IFREG} else "other"


def has_end(file: BinaryIO) -> bool:
    """Say whether *file* ends as a zip does, whatever it begins with."""
    try:
        _find_end(file)
    except OddZip:
        return True
    except BadZip:
        return False
    return True


def members(file: BinaryIO) -> list[Member]:
    """Return the members of the zip in *file*.

    Raises:
        BadZip: It is none, is cut off, or readers would see different members.

    """
    count, size, start = _find_end(file)
    if size > _LARGEST_DIRECTORY:
        raise OddZip("has a list of files that is too long")
    file.seek(start)
    listed = list(_listed(_exactly(file, size), count))
    _check_places(file, listed, start)
    return listed


def chunks(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """Yield the bytes of *member*.

    Raises:
        BadZip: They are not what the archive says of them.

    """
    file.seek(member.offset)
    header = _LOCAL.unpack(_exactly(file, _LOCAL.size))
    file.seek(header[9] + header[10], 1)
    crc = given = 0
    for chunk in _unpacked(file, member):
        crc = zlib.crc32(chunk, crc)
        given += len(chunk)
        if given > member.size:
            raise OddZip(f"has more bytes in {member.path!r} than it says")
        yield chunk
    if (given, crc) != (member.size, member.crc):
        raise BadZip(f"has a wrong sum for {member.path!r}")


def _find_end(file: BinaryIO) -> tuple[int, int, int]:
    """Return how many members there are, how long their list is, where it starts."""
    length = file.seek(0, 2)
    window = min(length, _END.size + _LONGEST_COMMENT)
    file.seek(length - window)
    tail = file.read(window)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise BadZip("is cut off, or is no zip")
    _, disk, first, here, count, size, start, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise BadZip("is cut off, or is no zip")
    end = length - window + at
    if _FULL16 in {here, count} or _FULL32 in {size, start}:
        end, here, count, size, start = _find_end64(file, end)
    elif start + size == end - _LOCATOR.size - _END64.size:
        # PyTorch writes both ends always; readers take one or the other.
        end, *large = _find_end64(file, end)
        if large != [here, count, size, start]:
            raise OddZip("has an end that readers understand differently")
    if (disk, first) not in {(0, 0), (_FULL16, _FULL16)} or here != count:
        raise OddZip("is one part of several")
    if start + size != end:
        raise OddZip("has bytes that belong to no file")
    return count, size, start


def _find_end64(file: BinaryIO, end: int) -> tuple[int, int, int, int, int]:
    if end < _LOCATOR.size + _END64.size:
        raise OddZip("has an end that readers understand differently")
    file.seek(end - _LOCATOR.size)
    magic, _, place, disks = _LOCATOR.unpack(_exactly(file, _LOCATOR.size))
    if magic != b"PK\x06\x07" or disks > 1 or place != end - 20 - _END64.size:
        raise OddZip("has an end that readers understand differently")
    file.seek(place)
    found = _END64.unpack(_exactly(file, _END64.size))
    if found[0] != b"PK\x06\x06":
        raise OddZip("has an end that readers understand differently")
    here, count, size, start = found[6:]
    return place, here, count, size, start


def _listed(directory: bytes, count: int) -> Iterator[Member]:
    at = 0
    for _ in range(count):
        if len(directory) - at < _CENTRAL.size:
            raise BadZip("has a list of files that is cut off")
        head = _CENTRAL.unpack_from(directory, at)
        at += _CENTRAL.size
        name, extra, comment = head[10:13]
        if head[0] != b"PK\x01\x02" or len(directory) < at + name + extra + comment:
            raise BadZip("has a list of files that is cut off")
        raw = directory[at : at + name]
        sizes = _sizes64(directory[at + name : at + name + extra], head)
        at += name + extra + comment
        yield Member(
            path=_name(raw, head[3]),
            size=sizes[0],
            packed=sizes[1],
            offset=sizes[2],
            crc=head[7],
            method=head[4],
            flags=head[3],
            mode=head[15] >> 16,
        )
    if at != len(directory):
        raise OddZip("has more files than it says")


def _sizes64(extra: bytes, head: tuple[int, ...]) -> tuple[int, int, int]:
    """Return size, packed size and offset; long ones stand in an extra field."""
    values = [head[9], head[8], head[16]]
    long = _extra(extra, 1)
    for index, value in enumerate(values):
        if value == _FULL32:
            if len(long) < 8:  # noqa: PLR2004 - a number of 64 bits
                raise OddZip("has a file without a size")
            values[index] = int.from_bytes(long[:8], "little")
            long = long[8:]
    return values[0], values[1], values[2]


def _extra(extra: bytes, wanted: int) -> bytes:
    while len(extra) >= 4:  # noqa: PLR2004 - an id and a length of 16 bits each
        kind, length = struct.unpack_from("<2H", extra)
        if kind == wanted:
            return extra[4 : 4 + length]
        extra = extra[4 + length :]
    return b""


def _name(raw: bytes, flags: int) -> str:
    return raw.decode("utf-8", "surrogateescape") if flags & _UTF8 else _old_name(raw)


def _old_name(raw: bytes) -> str:
    # Many programs write UTF-8 and do not say so.
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp437")


def _check_places(file: BinaryIO, listed: list[Member], start: int) -> None:
    """Refuse members that overlap, leave gaps, or are described differently."""
    if any(each.offset >= start for each in listed):
        raise OddZip("has files behind their list")
    spans = sorted((each.offset, _data_end(file, each), each.flags) for each in listed)
    # The list itself ends the last member.
    starts = [offset for offset, _, _ in spans] + [start]
    if starts[0] != 0:
        raise OddZip("has bytes that belong to no file")
    for (_, end, flags), (_, after) in zip(spans, pairwise(starts), strict=True):
        described = flags & _DESCRIBED_BEHIND
        if not 0 <= after - end <= (_LONGEST_DESCRIPTOR if described else 0):
            raise OddZip("has files that overlap, or bytes that belong to no file")


def _data_end(file: BinaryIO, member: Member) -> int:
    """Return where the bytes of *member* end, after a look at its other header."""
    file.seek(member.offset)
    head = _LOCAL.unpack(_exactly(file, _LOCAL.size))
    raw = _exactly(file, head[9])
    extra = _exactly(file, head[10])
    same = (
        head[0] == b"PK\x03\x04"
        and _name(raw, head[2]) == member.path
        and head[3] == member.method
        and head[2] & ~_UTF8 == member.flags & ~_UTF8
    )
    packed, size = head[7], head[8]
    if _FULL32 in {packed, size}:
        long = _extra(extra, 1)
        size, packed = (int.from_bytes(long[n : n + 8], "little") for n in (0, 8))
    known = (size, packed, head[6]) == (member.size, member.packed, member.crc)
    if not member.flags & _DESCRIBED_BEHIND:
        same = same and known
    if not same:
        raise OddZip(f"describes {member.path!r} in two ways")
    before: int = _LOCAL.size + head[9] + head[10]
    return member.offset + before + member.packed


def _unpacked(file: BinaryIO, member: Member) -> Iterator[bytes]:
    if member.flags & (_ENCRYPTED | _STRONG | _MASKED):
        raise OddZip("is encrypted")
    if member.method == _STORED and member.size == member.packed:
        left = member.packed
        while left:
            yield _exactly(file, min(left, _CHUNK))
            left -= min(left, _CHUNK)
    elif member.method == _DEFLATED:
        yield from _inflated(file, member.packed)
    else:
        raise OddZip(f"packs {member.path!r} in a way that is not read here")


def _inflated(file: BinaryIO, left: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    waiting = b""
    try:
        while not inflater.eof:
            if not waiting:
                waiting = _exactly(file, min(left, _CHUNK))
                left -= len(waiting)
            # Without any more input there may still be some output.
            chunk = inflater.decompress(waiting, _CHUNK)
            waiting = inflater.unconsumed_tail
            if chunk:
                yield chunk
            elif not (waiting or left or inflater.eof):
                raise BadZip("is cut off in a file")
    except zlib.error as error:
        raise BadZip("has a file that cannot be unpacked") from error
    if left or inflater.unused_data:
        raise OddZip("has bytes that belong to no file")


def _exactly(file: BinaryIO, size: int) -> bytes:
    found = file.read(size)
    if len(found) < size:
        raise BadZip("is cut off")
    return found
