"""Tar archives, read forward and strictly.

Python's own reader keeps headers of any length in memory, calls itself for each header
that describes the next one, and reads on where a number is wrong. This one knows the
members that models have (POSIX.1-1988, pax and GNU's long names) and refuses the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Everything in a tar archive comes in blocks of so many bytes.
BLOCK = 512
_CHUNK = 1 << 20
_LONGEST_HEADER = 64 * 1024
_MOST_HEADERS = 4
_ZEROS = bytes(BLOCK)
Kind = Literal["file", "folder", "symlink", "hardlink", "other"]
_KINDS: Mapping[bytes, Kind] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"5": "folder",
    b"2": "symlink",
    b"1": "hardlink",
}


class Readable(Protocol):
    """A stream; fewer bytes than asked for only at its end."""

    def read(self, size: int, /) -> bytes:
        """Return at most *size* bytes, none at the end."""


class BadTar(Exception):
    """The bytes are no tar archive, or not all of one; the text says why."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One thing in an archive; ``target`` is where a link points to."""

    path: str
    kind: Kind
    size: int = 0
    target: str = ""


class Tar:
    """Iterates over the members of *stream*, whose bytes `chunks` gives.

    With ``open_end`` an archive may end without the mark of its end, and anything may
    follow that mark: layers of images are known by their digest.
    """

    def __init__(self, stream: Readable, *, open_end: bool = False) -> None:
        self._stream = stream
        self._open_end = open_end
        self._left = 0
        self._padding = 0

    def __iter__(self) -> Iterator[Member]:
        """Yield each member; what was not read of the one before is passed over.

        Raises:
            BadTar: At the first fault.

        """
        first = True
        while (member := self._member(first=first)) is not None:
            first = False
            self._left = member.size
            self._padding = -member.size % BLOCK
            yield member
            for _ in self.chunks():
                pass
            self._exactly(self._padding)
        self._end()

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the member that iteration is at."""
        while self._left:
            chunk = self._stream.read(min(self._left, _CHUNK))
            if not chunk:
                raise BadTar("ends in the middle of a file")
            self._left -= len(chunk)
            yield chunk

    def _member(self, *, first: bool) -> Member | None:
        """Read the headers of the next member; there may be some that describe it."""
        given: dict[str, str] = {}
        for _ in range(_MOST_HEADERS + 1):
            block = self._stream.read(BLOCK)
            if not block and self._open_end and not first and not given:
                return None
            if len(block) < BLOCK:
                raise BadTar("ends without the mark of its end")
            if block == _ZEROS:
                if given:
                    raise BadTar("ends after a header")
                return None
            header = _Header(block)
            if header.flag not in b"LKxXg":
                return header.member(given)
            given |= self._described(header)
        raise BadTar("has too many headers for one file")

    def _described(self, header: _Header) -> dict[str, str]:
        """Return what a header says of the next member."""
        if header.size > _LONGEST_HEADER:
            raise BadTar("has a header that is too long")
        body = self._exactly(header.size)
        self._exactly(-header.size % BLOCK)
        if header.flag in b"LK":
            key = "path" if header.flag == b"L" else "linkpath"
            return {key: _text(body.rstrip(b"\0"))}
        records = _records(body)
        if header.flag == b"g" and records:
            raise BadTar("has a header that names all its files")
        return records

    def _exactly(self, size: int) -> bytes:
        body = self._stream.read(size) if size else b""
        if len(body) < size:
            raise BadTar("ends in the middle")
        return body

    def _end(self) -> None:
        """Read to the end of the stream, where its checksum stands."""
        while chunk := self._stream.read(_CHUNK):
            if not self._open_end and chunk.strip(b"\0"):
                raise BadTar("holds more after its end")


def is_tar(head: bytes) -> bool:
    """Say whether a file that begins with *head* is a tar archive."""
    try:
        return len(head) >= BLOCK and head[0] != 0 and bool(_Header(head[:BLOCK]))
    except BadTar:
        return False


class _Header:
    """One block of 512 bytes, checked against its sum."""

    def __init__(self, block: bytes) -> None:
        whole = sum(block) - sum(block[148:156]) + 8 * ord(" ")
        if _number(block[148:156]) != whole:
            raise BadTar("has a header with a wrong sum")
        self.flag = block[156:157]
        self.size = _number(block[124:136])
        self._target = _field(block[157:257])
        name = _field(block[0:100])
        # GNU's magic is another one, and has times where POSIX has the prefix.
        prefix = _field(block[345:500]) if block[257:263] == b"ustar\0" else ""
        self._name = f"{prefix}/{name}" if prefix else name

    def member(self, given: Mapping[str, str]) -> Member:
        path = given.get("path", self._name)
        kind = _KINDS.get(self.flag, "other")
        if any(key.startswith("GNU.sparse") for key in given):
            kind = "other"
        if kind == "file" and path.endswith("/"):
            kind = "folder"
        size = _decimal(given["size"]) if "size" in given else self.size
        return Member(
            path=_tidy(path),
            kind=kind,
            size=size if kind == "file" or self.flag not in b"123456" else 0,
            target=given.get("linkpath", self._target),
        )


def _tidy(path: str) -> str:
    """Return *path* without the ``./`` before and the ``/`` behind that tar writes."""
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return path.rstrip("/") if path.strip("/") else path


def _records(body: bytes) -> dict[str, str]:
    """Return what matters of pax's records, ``length key=value`` and a line feed."""
    found = {}
    at = 0
    while at < len(body):
        digits, space, _ = body[at : at + 9].partition(b" ")
        length = _decimal(_text(digits)) if space else 0
        record = body[at : at + length]
        if len(record) < length or not record.endswith(b"\n"):
            raise BadTar("has a header that cannot be read")
        key, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        if not equals:
            raise BadTar("has a header that cannot be read")
        name = _text(key)
        if name in {"path", "linkpath", "size"} or name.startswith("GNU.sparse"):
            found[name] = _text(value)
        at += length
    return found


def _number(field: bytes) -> int:
    """Return the number in *field*: octal digits, or GNU's binary."""
    if field[0] & 0x80:
        if field[0] != 0x80:  # noqa: PLR2004 - 0xff would be a negative number
            raise BadTar("has a size that is no size")
        return int.from_bytes(field[1:], "big")
    digits = field.partition(b"\0")[0].strip(b" ")
    if digits.strip(b"01234567"):
        raise BadTar("has a header that cannot be read")
    return int(digits, 8) if digits else 0


def _decimal(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 20:  # noqa: PLR2004 - 2**64
        raise BadTar("has a header that cannot be read")
    return int(text)


def _field(field: bytes) -> str:
    return _text(field.partition(b"\0")[0])


def _text(raw: bytes) -> str:
    # What is no UTF-8 becomes half a character, which no name may hold.
    return raw.decode("utf-8", "surrogateescape")
