"""Ranges of one file: what to ask for, and whether the answer is that part of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from inferry.storage import Corrupt, Truncated, shown_uri
from inferry_storage.network.faults import changed, refused

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARTIAL = 206
_DIGITS = 19
_SUCCESS = 200
_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of a file of *size* from *start*, *length* of them or to its end."""

    uri: str
    start: int = 0
    length: int | None = None
    size: int | None = None

    def headers(self) -> dict[str, str]:
        """Return the header that asks for it."""
        if not self.start and self.length is None:
            return {}
        last = "" if self.length is None else str(self.start + self.length - 1)
        return {"Range": f"bytes={self.start}-{last}"}

    def window(self, status: int, headers: Mapping[str, str], rung: str) -> Window:
        """Return what the body of an answer has of it.

        Raises:
            StorageError: It is an error, another part, or of another file.

        """
        if status not in {_SUCCESS, _PARTIAL}:
            raise refused(self.uri, status, headers, rung=rung)
        length = content_length(headers)
        if status == _SUCCESS:
            # The server does not know ranges, or ignores them: skip to the part.
            self._same_size(length)
            return Window(self, skip=self.start, whole=True)
        first, total = self._range(headers)
        self._same_size(total)
        if first != self.start:
            raise Corrupt(
                f"{shown_uri(self.uri)}: the server sent another part than was asked",
                remedy="use a server that answers Range as HTTP has it",
            )
        return Window(self)

    def wanted(self) -> int | None:
        """Return how many bytes there have to be, None where nothing says it."""
        left = None if self.size is None else max(0, self.size - self.start)
        if self.length is None or left is None:
            return self.length if left is None else left
        return min(self.length, left)

    def _range(self, headers: Mapping[str, str]) -> tuple[int, int | None]:
        found = _RANGE.fullmatch(headers.get("content-range", "").strip())
        if not found:
            raise Corrupt(
                f"{shown_uri(self.uri)}: the server sent a part and not which",
                remedy="use a server that answers Range as HTTP has it",
            )
        return int(found[1]), None if found[3] == "*" else int(found[3])

    def _same_size(self, told: int | None) -> None:
        if told is not None and self.size is not None and told != self.size:
            raise changed(self.uri)


class Window:
    """Lets through of a body what belongs to the part, and counts it."""

    def __init__(self, part: Part, *, skip: int = 0, whole: bool = False) -> None:
        self._part = part
        self._skip = skip
        self._wanted = part.wanted()
        # Of a whole body the part may be only the beginning.
        self._may_stop = whole and part.length is not None
        self._got = 0

    @property
    def complete(self) -> bool:
        """Whether the rest of the body need not be read."""
        return self._may_stop and self._got == self._wanted

    def take(self, chunk: bytes) -> bytes:
        """Return what of *chunk* is in the part.

        Raises:
            Truncated: The body is longer than promised.

        """
        if self._skip:
            dropped = min(self._skip, len(chunk))
            self._skip -= dropped
            chunk = chunk[dropped:]
        if self._wanted is not None and self._got + len(chunk) > self._wanted:
            if not self._may_stop:
                raise self._wrong("more than")
            chunk = chunk[: self._wanted - self._got]
        self._got += len(chunk)
        return chunk

    def finish(self) -> None:
        """Compare what came with what was promised.

        Raises:
            Truncated: The body was shorter.

        """
        if self._wanted is not None and self._got < self._wanted:
            raise self._wrong(f"{self._got} of")

    def _wrong(self, got: str) -> Truncated:
        return Truncated(
            f"{shown_uri(self._part.uri)}: the server sent {got} the {self._wanted} "
            "bytes that it promised",
            remedy="see whether the file is being replaced, then try again",
        )


def content_length(headers: Mapping[str, str]) -> int | None:
    """Return what the header Content-Length says, None for none or nonsense."""
    told = headers.get("content-length", "").strip()
    return (
        int(told)
        if told.isascii() and told.isdigit() and len(told) <= _DIGITS
        else None
    )
