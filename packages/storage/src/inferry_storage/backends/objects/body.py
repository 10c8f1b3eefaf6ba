"""One read of an object: what is asked for, and whether it is what was promised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_storage.backends.objects.refusals import changed, truncated

if TYPE_CHECKING:
    from collections.abc import Iterable

    from obstore import GetOptions, GetResult

    from inferry.storage import Entry
    from inferry_storage.backends.objects.refusals import Asked

#: How much is handed on at a time: as fast as more at a time, and less memory.
CHUNK = 128 * 1024
# As much may be read for nothing.
_LARGE = 8 * 2**20


class Body:
    """Counts the bytes of one answer; ``ranged`` is false where a server knows none."""

    def __init__(
        self, entry: Entry, start: int, length: int | None, *, ranged: bool
    ) -> None:
        end = entry.size or 0
        self._entry = entry
        self._start = start
        self.wanted = max(
            0, min(end, end if length is None else start + length) - start
        )
        self._whole = self.wanted == end
        self._ranged = ranged
        self._given = 0
        self._skip = 0

    def options(self, version: str | None) -> GetOptions:
        """Return what obstore is asked with."""
        asked: GetOptions = {}
        if etag := self._entry.etag:
            asked["if_match"] = f'"{plain(etag)}"'
        if version:
            asked["version"] = version
        if self._ranged and not self._whole:
            asked["range"] = (self._start, self._start + self.wanted)
        return asked

    def fell_back(self, error: Exception, asked: Asked) -> bool:
        """Say whether to ask again without a range, for the server knows none.

        Raises:
            Changed: Skipping what is before would cost more than to resolve again, to
                entries that are said to have no ranges.

        """
        if not self._ranged or not is_without_ranges(error):
            return False
        self._ranged = False
        if self._start >= _LARGE:
            raise changed(asked) from None
        return True

    def check(self, result: GetResult, asked: Asked) -> None:
        """Look at what is about to be sent.

        Raises:
            Changed: It is not the object that was resolved.

        """
        meta, entry = result.meta, self._entry
        etag = meta["e_tag"]
        if meta["size"] != entry.size or (
            etag and entry.etag and plain(etag) != plain(entry.etag)
        ):
            raise changed(asked)
        self._skip = self._start if not self._ranged and not self._whole else 0

    def pieces(self, result: GetResult) -> Iterable[bytes]:
        """Return what *result* sends: a small object, of known length, at once."""
        if self._whole and self.wanted <= CHUNK:
            return (bytes(result.bytes()),)
        return result.stream(min_chunk_size=CHUNK)

    def take(self, chunk: bytes) -> bytes:
        """Return what of *chunk* was asked for."""
        if self._skip:
            skipped = min(self._skip, len(chunk))
            self._skip -= skipped
            chunk = chunk[skipped:]
        left = self.wanted - self._given
        if len(chunk) > left and not self._ranged:
            chunk = chunk[:left]
        self._given += len(chunk)
        return chunk

    @property
    def ended(self) -> bool:
        """Whether the rest of the answer is not wanted."""
        return not self._ranged and self._given == self.wanted

    def finish(self, asked: Asked) -> None:
        """Look at what was sent.

        Raises:
            Truncated: It is longer or shorter than it was promised to be.

        """
        if self._given != self.wanted:
            raise truncated(asked, self._entry.path, self._given, self.wanted)


def is_without_ranges(error: Exception) -> bool:
    """Say whether *error* of obstore is that the server sent the whole for a part."""
    return "non-partial response" in str(error)


def plain(etag: str) -> str:
    """Return *etag* without quotes: listings and answers write them differently."""
    return etag.removeprefix("W/").strip('"')
