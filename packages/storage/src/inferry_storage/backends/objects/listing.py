"""Which objects are below a folder of a bucket."""

from __future__ import annotations

import asyncio
import difflib
from typing import TYPE_CHECKING

from inferry.storage import Entry, TooLarge, UnsafePath

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Sequence

    from obstore import ObjectMeta
    from obstore.store import ObjectStore

    from inferry_storage.backends.objects.refusals import Asked

_PAGE = 1000
_AT_ONCE = 16
_NEAR = 3
_NEAR_SECONDS = 5.0


class Listing:
    """The objects below *key*, page by page."""

    def __init__(self, store: ObjectStore, key: str, asked: Asked) -> None:
        import obstore

        self._key = key
        self._asked = asked
        self._pages: AsyncIterable[Sequence[ObjectMeta]] = obstore.list(
            store, key or None, chunk_size=_PAGE
        )
        self._first: Sequence[ObjectMeta] = ()

    async def begins(self) -> bool:
        """Ask for the first page and say whether anything is there."""
        self._first = await _next(self._pages)
        return bool(self._first)

    async def entries(self, most: int) -> list[Entry]:
        """Return all of them, at most *most*; zero-byte objects may be folders.

        Raises:
            TooLarge: There are more.
            UnsafePath: An object is outside of the folder that was asked for.

        """
        found = self._entries(self._first)
        async for page in self._pages:
            found += self._entries(page)
            if len(found) > most:
                raise TooLarge(
                    f"{self._asked.shown} has more than {most} files",
                    remedy="name a folder with fewer, or raise [storage] max_files",
                )
        return found

    def _entries(self, page: Sequence[ObjectMeta]) -> list[Entry]:
        below = f"{self._key}/" if self._key else ""
        found = []
        for meta in page:
            path = meta["path"]
            if path == self._key:
                continue  # the marker of the folder itself
            if not path.startswith(below):
                raise UnsafePath(
                    f"{self._asked.shown}: the store lists {path[:200]!r}, which is "
                    "not below it",
                    remedy="use another store",
                )
            found.append(entry_of(meta, path[len(below) :]))
        return found


def entry_of(meta: ObjectMeta, path: str) -> Entry:
    """Return the entry of an object as *path*."""
    return Entry(
        path=path, size=meta["size"], etag=meta["e_tag"], location=meta["path"]
    )


async def without_markers(
    entries: Sequence[Entry], exists: Callable[[str], Awaitable[bool]]
) -> list[Entry]:
    """Return *entries* without the zero-byte objects that stand for folders.

    Their names end in ``/``, which obstore does not say: what has children is one, and
    of any other *exists* says whether an object is there without the ``/``.
    """
    parents: set[str] = set()
    for entry in entries:
        above = entry.path.rpartition("/")[0]
        while above and above not in parents:
            parents.add(above)
            above = above.rpartition("/")[0]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def is_marker(entry: Entry) -> bool:
        if entry.path in parents:
            return True
        async with gate:
            return not await exists(entry.location)

    empty = [entry for entry in entries if not entry.size]
    marks = await asyncio.gather(*(is_marker(entry) for entry in empty))
    gone = {entry.path for entry, is_one in zip(empty, marks, strict=True) if is_one}
    return [entry for entry in entries if entry.path not in gone]


async def near(store: ObjectStore, key: str) -> list[str]:
    """Return names in the bucket that *key* may have been meant to be."""
    parent, _, last = key.rpartition("/")
    names: dict[str, None] = {}
    try:
        async with asyncio.timeout(_NEAR_SECONDS):
            for offset in (key, None):
                names |= await _names(store, parent, offset)
    except Exception:  # noqa: BLE001 - a hint must not hide what it is a hint for
        return []
    lower = {each: each.rstrip("/").lower() for each in names}
    alike = difflib.get_close_matches(last.lower(), lower.values())
    found = [
        each
        for each in names
        if lower[each].startswith(last.lower()) or lower[each] in alike
    ]
    return [f"{parent}/{each}" if parent else each for each in found[:_NEAR]]


async def _next(pages: AsyncIterable[Sequence[ObjectMeta]]) -> Sequence[ObjectMeta]:
    # Not `anext` with a default: the iterator of obstore does not end the way it needs.
    async for page in pages:
        return page
    return ()


async def _names(
    store: ObjectStore, parent: str, offset: str | None
) -> dict[str, None]:
    import obstore

    stream = obstore.list(store, parent or None, offset=offset, chunk_size=_PAGE)
    begin = len(parent) + 1 if parent else 0
    found: dict[str, None] = {}
    for meta in await _next(stream):
        name, slash, _ = meta["path"][begin:].partition("/")
        found[name + slash] = None
    return found
