"""Files that are on this disk already, by their content."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from inferry_storage.cache import locks, manifest
from inferry_storage.cache.keys import content_key

if TYPE_CHECKING:
    from pathlib import Path

    from inferry.storage import Entry, Snapshot
    from inferry_storage.cache.folder import Cache
    from inferry_storage.cache.locks import Lock
    from inferry_storage.cache.manifest import File


class _Copy(msgspec.Struct, frozen=True):
    snapshot: str
    path: str
    file: File


class Donors:
    """What the trees of a cache can give to a new one, so that it is not read again.

    A tree that gives stays in the cache until `release`.
    """

    def __init__(self, cache: Cache, snapshot: Snapshot, target: Path) -> None:
        self._cache = cache
        self._snapshot = snapshot
        self._device = target.stat().st_dev
        self._copies: dict[str, _Copy] | None = None
        self._leases: dict[str, Lock | None] = {}

    def __call__(self, entry: Entry) -> Path | None:
        """Return a file with the bytes of *entry* on the same disk, None without."""
        key = content_key(self._snapshot, entry)
        if not key:
            return None
        if self._copies is None:
            self._copies = self._known()
        copy = self._copies.get(key)
        if copy is None or not self._leased(copy.snapshot):
            return None
        return self._unchanged(copy)

    def release(self) -> None:
        """Let the trees go."""
        for lease in self._leases.values():
            if lease is not None:
                lease.release()
        self._leases.clear()

    def _known(self) -> dict[str, _Copy]:
        """Read every manifest whose files are sure to be as they were written."""
        folder = self._cache.root / "snapshots"
        if not folder.is_dir() or folder.stat().st_dev != self._device:
            return {}
        found = {}
        for each in folder.iterdir():
            known = manifest.read(each / manifest.NAME)
            if known is None or not known.is_sure:
                continue
            for file in known.files:
                if file.key:
                    path = str(each / "tree" / file.path)
                    found[file.key] = _Copy(each.name, path, file)
        return found

    def _leased(self, key: str) -> bool:
        if key not in self._leases:
            self._leases[key] = locks.take(self._cache.lock(key, "lease"), shared=True)
        return self._leases[key] is not None

    def _unchanged(self, copy: _Copy) -> Path | None:
        from pathlib import Path

        try:
            seen = os.lstat(copy.path)
        except OSError:
            return None
        now = (seen.st_size, seen.st_mtime_ns, seen.st_ino)
        was = (copy.file.size, copy.file.mtime_ns, copy.file.inode)
        return Path(copy.path) if now == was else None
