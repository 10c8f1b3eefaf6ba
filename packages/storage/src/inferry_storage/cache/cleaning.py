"""Clean up the cache: by bytes, by age, by name; never what is in use."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import TYPE_CHECKING

import msgspec

from inferry_storage.cache import locks, manifest
from inferry_storage.cache.manifest import Manifest  # noqa: TC001 - msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from inferry_storage.cache.folder import Cache

_DAY = 24 * 3600.0
#: How long what a dead process has left may be taken up again.
KEPT = 7 * _DAY
_FREE_SHARE = 0.95


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A tree of the cache; ``used`` is when it was last asked for."""

    key: str
    manifest: Manifest
    used: float
    in_use: bool


def kept(cache: Cache) -> list[Kept]:
    """List the trees of *cache*, what was used longest ago first."""
    found = []
    for folder in _entries(cache.root / "snapshots"):
        known = manifest.read(folder / manifest.NAME)
        if known is not None:
            found.append(
                Kept(
                    key=folder.name,
                    manifest=known,
                    used=_used(cache, folder.name, known),
                    in_use=_in_use(cache, folder.name),
                )
            )
    return sorted(found, key=lambda each: each.used)


def used_bytes(trees: Iterable[Kept]) -> int:
    """Return the bytes that *trees* take on the disk; what they share counts once."""
    return sum(
        {
            each.inode: each.size for tree in trees for each in tree.manifest.files
        }.values()
    )


def remove(cache: Cache, key: str) -> bool:
    """Remove the tree *key*; False if a process uses it."""
    lock = locks.take(cache.lock(key, "lease"))
    if lock is None:
        return False
    with lock:
        cache.discard(cache.snapshot(key))
        cache.lock(key, "lease").unlink(missing_ok=True)
    return True


def make_room(cache: Cache, needed: int) -> None:
    """Remove what was used longest ago until *needed* bytes fit on the disk.

    It removes nothing where that would not help.
    """
    if needed <= _free(cache.root):
        return
    gone = used_bytes(each for each in kept(cache) if not each.in_use)
    if needed <= _free(cache.root) + gone:
        _evict(cache, lambda _: needed <= _free(cache.root))


def clean(cache: Cache, most: int) -> list[Kept]:
    """Remove what was used longest ago until *most* bytes are left; return it."""
    return _evict(cache, lambda left: used_bytes(left) <= most)


def clean_unused(cache: Cache, seconds: float) -> list[Kept]:
    """Remove what was not used for so many *seconds*; return it."""
    border = time.time() - seconds
    old = [each for each in kept(cache) if each.used <= border and not each.in_use]
    return [each for each in old if remove(cache, each.key)]


def sweep(cache: Cache, *, older: float = KEPT) -> None:
    """Remove what dead processes have left, and quarantine, *older* than so long."""
    border = time.time() - older
    for folder in _entries(cache.root / "partial"):
        if _age(folder) <= border or folder.name.startswith("trash."):
            _remove_partial(cache, folder)
    for folder in _entries(cache.root / "snapshots"):
        if manifest.read(folder / manifest.NAME) is None:
            remove(cache, folder.name)
    for path in _leftovers(cache):
        if _age(path) <= border:
            cache.discard(path)
    for file in _entries(cache.root / "locks"):
        if _age(file) <= border:
            _remove_lock(cache, file)


def _leftovers(cache: Cache) -> list[Path]:
    """Return what nobody takes up again, but somebody may want to look at."""
    # A name with a dot was being written when its process died.
    torn = [e for e in _entries(cache.root / "pulls") if e.name.startswith(".")]
    return [*_entries(cache.root / "quarantine"), *torn]


def _evict(cache: Cache, fits: Callable[[Sequence[Kept]], bool]) -> list[Kept]:
    left = kept(cache)
    gone = []
    for each in tuple(left):
        if fits(left):
            break
        if not each.in_use and remove(cache, each.key):
            left.remove(each)
            gone.append(each)
    return gone


def _remove_partial(cache: Cache, folder: Path) -> None:
    if folder.name.startswith("trash."):
        shutil.rmtree(folder, ignore_errors=True)
        return
    lock = locks.take(cache.lock(folder.name, "fetch"))
    if lock is not None:
        with lock:
            cache.discard(folder)


def _remove_lock(cache: Cache, file: Path) -> None:
    """Remove a lock that belongs to nothing; who waits for it takes a new one."""
    partial = cache.root / "partial" / file.stem
    if partial.exists() or cache.snapshot(file.stem).exists():
        return
    lock = locks.take(file)
    if lock is not None:
        with lock:
            file.unlink(missing_ok=True)


def _in_use(cache: Cache, key: str) -> bool:
    lock = locks.take(cache.lock(key, "lease"))
    if lock is None:
        return True
    lock.release()
    return False


def _used(cache: Cache, key: str, known: Manifest) -> float:
    try:
        return cache.lock(key, "lease").stat().st_mtime
    except OSError:
        return known.created


def _age(path: Path) -> float:
    """Return when *path* was last written to; now if it is gone."""
    newest = 0.0
    with contextlib.suppress(OSError):
        newest = path.lstat().st_mtime
        if path.is_dir():
            newest = max([newest, *(e.lstat().st_mtime for e in path.iterdir())])
        return newest
    return time.time()


def _entries(folder: Path) -> Sequence[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return ()


def _free(where: Path) -> int:
    seen = os.statvfs(where)
    return int(seen.f_bavail * seen.f_frsize * _FREE_SHARE)
