"""What a folder holds of a model already, from a pull before."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from typing import TYPE_CHECKING

import msgspec

from inferry.errors import StorageError
from inferry_storage.cache import manifest
from inferry_storage.cache.keys import content_key, is_strong
from inferry_storage.cache.manifest import has, is_file

if TYPE_CHECKING:
    from pathlib import Path

    from inferry.storage import Entry, Snapshot
    from inferry_storage.cache.folder import Cache
    from inferry_storage.cache.manifest import File, Manifest


class Pulls:
    """What was pulled where; kept with the cache, so that a folder holds a model only.

    Where there can be no cache, as in a container that may write nowhere else, nothing
    is kept; equal files are then told by their digests.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def last(self, path: Path) -> Manifest | None:
        """Return what was pulled to *path* last."""
        return manifest.read(self._file(path))

    def same(self, path: Path, key: str) -> Manifest | None:
        """Return what is in *path* if it is the tree *key*, untouched since."""
        last = self.last(path)
        if last is None or last.key != key or not last.is_sure:
            return None
        return last if manifest.holds(path, last) else None

    def note(self, path: Path, made: Manifest, key: str) -> None:
        """Write down that the tree *key* is in *path* now, if it can be."""
        with contextlib.suppress(OSError, StorageError):
            self._cache.prepare()
            made = msgspec.structs.replace(made, key=key)
            manifest.write(self._file(path), made)

    def _file(self, path: Path) -> Path:
        name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:40]
        return self._cache.root / "pulls" / f"{name}.json"


def present(folder: Path, snapshot: Snapshot, ours: dict[str, File]) -> dict[str, Path]:
    """Return the files in *folder* that need not be fetched, by their path.

    They are as a pull left them and of the same version, or have the promised digest:
    those are read whole, so it blocks.
    """
    found = {}
    for entry in snapshot.entries:
        there = folder / entry.path
        if _is_there(there, entry, snapshot, ours.get(entry.path)):
            found[entry.path] = there
    return found


def _is_there(
    there: Path, entry: Entry, snapshot: Snapshot, before: File | None
) -> bool:
    try:
        seen = there.lstat()
    except OSError:
        return False
    if not stat.S_ISREG(seen.st_mode) or seen.st_uid != os.geteuid():
        return False
    if before is not None and before.key and is_file(seen, before):
        return before.key == content_key(snapshot, entry)
    return (
        is_strong(entry.digest)
        and seen.st_size == entry.size
        and has(there, seen.st_size, entry.digest or "")
    )
