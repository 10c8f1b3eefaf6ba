"""Archives made by hand, byte for byte, so that every byte can be wrong."""

from __future__ import annotations

import struct
import zlib
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_BLOCK = 512
_LONGEST_NAME = 100


def tar_header(
    name: bytes,
    size: int = 0,
    *,
    kind: bytes = b"0",
    target: bytes = b"",
    raw_size: bytes | None = None,
    wrong_sum: int = 0,
    mode: int = 0o644,
) -> bytes:
    """Return one header of a tar archive."""
    block = bytearray(_BLOCK)
    block[0 : min(len(name), 100)] = name[:100]
    block[100:108] = b"%07o\0" % mode
    block[108:124] = b"0000000\0" * 2
    block[124:136] = b"%011o\0" % size if raw_size is None else raw_size
    block[136:148] = b"00000000000\0"
    block[156:157] = kind
    block[157 : 157 + len(target)] = target
    block[257:265] = b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % (sum(block) + wrong_sum)
    return bytes(block)


def tar_member(
    name: str | bytes,
    data: bytes = b"",
    *,
    kind: bytes = b"0",
    target: bytes = b"",
    mode: int = 0o644,
) -> bytes:
    """Return a header and the bytes of a member, after GNU's header of a long name."""
    raw = name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")
    header = tar_header(raw, len(data), kind=kind, target=target, mode=mode)
    before = b""
    if len(raw) > _LONGEST_NAME:
        before = tar_member("././@LongLink", raw + b"\0", kind=b"L")
    return before + header + padded(data)


def pax(records: dict[str, str], *, kind: bytes = b"x") -> bytes:
    """Return a header of pax that describes the next member."""
    body = b"".join(_record(key, value) for key, value in records.items())
    return tar_header(b"pax", len(body), kind=kind) + padded(body)


def tar(*members: bytes, end: bytes = bytes(2 * _BLOCK)) -> bytes:
    """Return the archive of *members*."""
    return b"".join(members) + end


def padded(data: bytes) -> bytes:
    """Return *data* filled up to whole blocks."""
    return data + bytes(-len(data) % _BLOCK)


def _record(key: str, value: str) -> bytes:
    rest = f" {key}={value}\n".encode("utf-8", "surrogateescape")
    length = len(rest) + len(str(len(rest)))
    length = len(rest) + len(str(length))
    return str(length).encode() + rest


class Zip:
    """A zip whose two headers, and whose end, say what they are told to say."""

    def __init__(self) -> None:
        self._body = b""
        self._central = b""
        self._count = 0

    def add(
        self,
        name: bytes,
        data: bytes = b"x",
        *,
        method: int = 0,
        flags: int = 0,
        mode: int = 0,
        local_name: bytes | None = None,
        offset: int | None = None,
        extra: bytes = b"",
        said: Mapping[str, int] = MappingProxyType({}),
    ) -> Zip:
        """Add a member; *said* overrides crc, size or packed in both headers."""
        packed = data
        if method == 8:  # noqa: PLR2004 - deflate
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            packed = packer.compress(data) + packer.flush()
        crc = said.get("crc", zlib.crc32(data))
        sizes = said.get("packed", len(packed)), said.get("size", len(data))
        at = len(self._body) if offset is None else offset
        local = name if local_name is None else local_name
        fields = (20, flags, method, 0, 0, crc, *sizes)
        if offset is None:
            self._body += struct.pack("<4s5H3L2H", b"PK\3\4", *fields, len(local), 0)
            self._body += local + packed
        self._central += struct.pack(
            *("<4s6H3L5H2L", b"PK\1\2", 0x314, *fields, len(name), len(extra)),
            *(0, 0, 0, mode << 16, at),
        )
        self._central += name + extra
        self._count += 1
        return self

    def hide(self, data: bytes) -> Zip:
        """Add bytes that belong to no member."""
        self._body += data
        return self

    def done(
        self,
        *,
        before: bytes = b"",
        comment: bytes = b"",
        disk: int = 0,
        said: Mapping[str, int] = MappingProxyType({}),
    ) -> bytes:
        """Return the bytes; *said* overrides count, size or start of the list."""
        count = said.get("count", self._count)
        size = said.get("size", len(self._central))
        start = said.get("start", len(self._body))
        end = struct.pack(
            *("<4s4H2LH", b"PK\5\6", disk, disk, count, count, size, start),
            len(comment),
        )
        return before + self._body + self._central + end + comment
