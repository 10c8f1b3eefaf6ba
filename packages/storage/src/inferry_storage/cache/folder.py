"""The folder that downloads are kept in, shared by all processes of a user.

``snapshots/<key>/`` holds complete downloads and nothing else: each is written as
``partial/<key>/`` under a lock and renamed when its last byte is on disk.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from inferry.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from inferry.storage import Snapshot

_POLL = 0.05


class Cache:
    """Complete downloads by the snapshot they are of."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            StorageError: They cannot be made.

        """
        try:
            for name in ("snapshots", "partial", "locks"):
                (self._root / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"the cache {self._root} cannot be made: {error.strerror}",
                remedy="set [storage] cache_dir",
            ) from error

    def find(self, snapshot: Snapshot) -> Path | None:
        """Return the folder of a complete download, None if there is none."""
        path = self._root / "snapshots" / _key(snapshot)
        return path if path.is_dir() else None

    @asynccontextmanager
    async def writing(self, snapshot: Snapshot) -> AsyncIterator[Path]:
        """Give an empty folder to write to; no other process has it meanwhile."""
        key = _key(snapshot)
        async with _locked(self._root / "locks" / f"{key}.lock"):
            folder = self._root / "partial" / key
            # Whoever wrote there before was killed: the lock is ours.
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def publish(self, folder: Path) -> Path:
        """Make the finished *folder* visible, in one step."""
        target = self._root / "snapshots" / folder.name
        _sync(folder)
        folder.rename(target)
        _sync(target.parent)
        return target


def _key(snapshot: Snapshot) -> str:
    """Return a folder name for *snapshot*: its id may be any text."""
    text = f"{snapshot.uri}\n{snapshot.id}"
    return hashlib.sha256(text.encode()).hexdigest()[:40]


@asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    """Hold an exclusive lock on the file *path*; it is let go when a process dies."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_POLL)
        yield
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
