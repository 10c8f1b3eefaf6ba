"""Which objects are below a folder of a bucket."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from inferry.storage import Entry, TooLarge, UnsafePath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from obstore import ObjectMeta
    from obstore.store import ObjectStore

    from inferry_storage.backends.objects.refusals import Asked

_PAGE = 1000
_AT_ONCE = 16
_NEAR = 3


class Listing:
    """The objects below *key*, page by page; its methods are for threads."""

    def __init__(self, store: ObjectStore, key: str, asked: Asked) -> None:
        import obstore

        self._key = key
        self._asked = asked
        self._pages = obstore.list(store, key or None, chunk_size=_PAGE)
        self._first: Sequence[ObjectMeta] = ()

    def begins(self) -> bool:
        """Ask for the first page and say whether anything is there."""
        self._first = _next(self._pages)
        return bool(self._first)

    def entries(self, most: int) -> list[Entry]:
        """Return all of them, at most *most*; zero-byte objects may be folders.

        Raises:
            TooLarge: There are more.
            UnsafePath: An object is outside of the folder that was asked for.

        """
        found = self._entries(self._first)
        for page in self._pages:
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


def without_markers(
    entries: Sequence[Entry], exists: Callable[[str], bool]
) -> list[Entry]:
    """Return *entries* without the zero-byte objects that stand for folders.

    Their names end in ``/``, which obstore does not say: what has children is one, and
    of any other *exists* says whether an object is there without the ``/``.
    """
    empty = [entry for entry in entries if not entry.size]
    if not empty:
        return list(entries)
    parents: set[str] = set()
    for entry in entries:
        above = entry.path.rpartition("/")[0]
        while above and above not in parents:
            parents.add(above)
            above = above.rpartition("/")[0]
    unsure = [entry for entry in empty if entry.path not in parents]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        are = list(threads.map(exists, [entry.location for entry in unsure]))
    files = {entry.path for entry, is_one in zip(unsure, are, strict=True) if is_one}
    return [entry for entry in entries if entry.size or entry.path in files]


def near(store: ObjectStore, key: str) -> list[str]:
    """Return names in the bucket that *key* may have been meant to be."""
    import difflib

    parent, _, last = key.rpartition("/")
    names: dict[str, None] = {}
    try:
        for offset in (key, None):
            names |= _names(store, parent, offset)
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


def _next(pages: Iterable[Sequence[ObjectMeta]]) -> Sequence[ObjectMeta]:
    return next(iter(pages), ())


def _names(store: ObjectStore, parent: str, offset: str | None) -> dict[str, None]:
    import obstore

    pages = obstore.list(store, parent or None, offset=offset, chunk_size=_PAGE)
    begin = len(parent) + 1 if parent else 0
    found: dict[str, None] = {}
    for meta in _next(pages):
        name, slash, _ = meta["path"][begin:].partition("/")
        found[name + slash] = None
    return found
