"""`Cache`: find a tree, make one, publish it in one step."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from inferry.storage import NotAllowed
from inferry_storage.cache import durability, locks, manifest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from inferry_storage.cache.locks import Lock
    from inferry_storage.cache.manifest import Manifest
    from inferry_storage.fetching.building import Built

FOLDERS = ("snapshots", "partial", "locks", "quarantine", "pulls")
_TRIES, _PAUSE = 20, 0.005
_REMEDY = "set [storage] cache_dir to another folder"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A complete tree in the cache; it stays there while ``lease`` is held."""

    path: Path
    manifest: Manifest
    lease: Lock


class Cache:
    """Complete trees by their key."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> None:
        """Make the folders, where they are not there.

        Raises:
            NotAllowed: They cannot be made, or others may write there.

        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._refuse_strangers(self.root.stat())
            for name in FOLDERS:
                (self.root / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise NotAllowed(
                f"the cache {self.root} cannot be made: {error.strerror}",
                remedy=_REMEDY,
            ) from error

    def _refuse_strangers(self, seen: os.stat_result) -> None:
        """Refuse a folder in which another user could put a model for this one."""
        if seen.st_uid != os.geteuid():
            raise NotAllowed(
                f"the cache {self.root} belongs to user {seen.st_uid}, this is user "
                f"{os.geteuid()}",
                remedy=_REMEDY,
            )
        if stat.S_IMODE(seen.st_mode) & 0o022:
            raise NotAllowed(
                f"others may write to the cache {self.root}",
                remedy=f"chmod 700 {self.root}, or {_REMEDY}",
            )

    def snapshot(self, key: str) -> Path:
        """Return where the tree *key* is, with its manifest, once it is published."""
        return self.root / "snapshots" / key

    def lock(self, key: str, kind: str) -> Path:
        """Return the file to lock for a kind of work on *key*: fetch or lease."""
        return self.root / "locks" / f"{key}.{kind}"

    def find(self, key: str) -> Found | None:
        """Return the tree *key*, None if it is not there as it was published.

        One that somebody has written to is put into quarantine.
        """
        if not (self.snapshot(key) / manifest.NAME).exists():
            return None
        lease = self._leased(key)
        if lease is None:
            return None
        found = self._intact(key)
        if found is None:
            lease.release()
            return None
        # When it was last used: the clean-up reads it.
        os.utime(self.lock(key, "lease"))
        return Found(path=self.snapshot(key) / "tree", manifest=found, lease=lease)

    def _leased(self, key: str) -> Lock | None:
        """Return a lease on the tree *key*, None if it is being cleaned up.

        Who only looks whether it is in use has the lock for a moment, too.
        """
        for _ in range(_TRIES):
            lease = locks.take(self.lock(key, "lease"), shared=True)
            if lease or not (self.snapshot(key) / manifest.NAME).exists():
                return lease
            time.sleep(_PAUSE)
        return None

    def _intact(self, key: str) -> Manifest | None:
        """Return the manifest of *key* if the tree is still what it says."""
        folder = self.snapshot(key)
        found = manifest.read(folder / manifest.NAME)
        if found is None:
            return None
        if found.is_sure and not manifest.unlike(folder / "tree", found):
            return found
        mended = manifest.mended(folder / "tree", found)
        # Another process may have found the same, and made the tree anew.
        now = manifest.read(folder / manifest.NAME)
        if now is None or now.created != found.created:
            return None
        if mended is None:
            self.quarantine(key)
            return None
        mended = msgspec.structs.replace(mended, boot=durability.boot())
        manifest.write(folder / manifest.NAME, mended)
        return mended

    @asynccontextmanager
    async def writing(
        self,
        key: str,
        *,
        adopt: str | None = None,
        on_wait: Callable[[], None] | None = None,
    ) -> AsyncIterator[Path]:
        """Give the folder to make *key* in, to one process at a time.

        It holds what a process that was killed has left there, or what *adopt* has:
        the key of a snapshot that was replaced meanwhile.
        """
        lock = await locks.wait(self.lock(key, "fetch"), on_wait=on_wait)
        with lock:
            folder = self.root / "partial" / key
            if adopt and adopt != key and not folder.exists():
                self._adopt(adopt, folder)
            folder.mkdir(mode=0o700, exist_ok=True)
            # The sweep goes by age.
            os.utime(folder)
            yield folder

    def _adopt(self, other: str, folder: Path) -> None:
        lock = locks.take(self.lock(other, "fetch"))
        if lock is not None:
            with lock, contextlib.suppress(FileNotFoundError):
                (self.root / "partial" / other).rename(folder)

    async def publish(self, key: str, built: Built) -> Found:
        """Make visible what was built in the folder of `writing`, in one step."""
        # Before it is there: a clean-up of what was there before may still be at work.
        lease = await locks.wait(self.lock(key, "lease"), shared=True)
        try:
            self._publish(key, built)
        except BaseException:
            lease.release()
            raise
        path = self.snapshot(key) / "tree"
        return Found(path=path, manifest=built.manifest, lease=lease)

    def _publish(self, key: str, built: Built) -> None:
        folder, target = self.root / "partial" / key, self.snapshot(key)
        ready = folder / "ready"
        shutil.rmtree(ready, ignore_errors=True)
        ready.mkdir(mode=0o700)
        built.tree.rename(ready / "tree")
        manifest.write(ready / manifest.NAME, built.manifest)
        if target.exists():
            self.discard(target)
        ready.rename(target)
        shutil.rmtree(folder, ignore_errors=True)

    def sync_soon(self, key: str) -> None:
        """Have what was published stay after a power cut, if this process lives on."""
        path = self.snapshot(key) / manifest.NAME

        def done() -> None:
            if (found := manifest.read(path)) is not None:
                manifest.write(path, msgspec.structs.replace(found, synced=True))

        durability.SYNCER.soon(self.root, done)

    def quarantine(self, key: str) -> Path:
        """Take the tree *key* out of use and keep it to be looked at."""
        target = self.root / "quarantine" / f"{key}.{time.time_ns()}"
        with contextlib.suppress(FileNotFoundError):
            self.snapshot(key).rename(target)
        return target

    def discard(self, path: Path) -> None:
        """Remove *path* of the cache: from its place at once, then from the disk."""
        trash = self.root / "partial" / f"trash.{os.getpid()}.{time.time_ns()}"
        try:
            path.rename(trash)
        except FileNotFoundError:
            return
        if trash.is_dir():
            shutil.rmtree(trash, ignore_errors=True)
        else:
            trash.unlink(missing_ok=True)
