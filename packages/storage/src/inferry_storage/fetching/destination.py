"""A folder of the user's that a model is put into: all of it, or nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import stat
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from inferry.storage import AccessDenied, InvalidUri, NotAllowed
from inferry_storage.cache import locks, manifest
from inferry_storage.cache.manifest import is_file

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from inferry.storage import Snapshot
    from inferry_storage.cache.manifest import File, Manifest
    from inferry_storage.fetching.building import Built

_SHOWN = 3
# A path folds the two slashes of a URI to one.
_URI = re.compile(r"[a-z][a-z0-9+.]+:/")
_CHUNK = 1 << 20
_TRIES = 1000


class Destination:
    """One folder, and the hidden one that the model is made in.

    That lies beside a folder that is not there yet, which then appears in one step. In
    one that is there, such as a volume that is mounted, it is ``.inferry``, and its
    files are renamed at the end.
    """

    def __init__(self, path: Path) -> None:
        self._given = path
        self.path = path.absolute()
        self._is_new = not os.path.lexists(path)
        self._beside = self.path.parent / f".{self.path.name}.inferry"
        self._work = self._beside if self._is_new else self.path / ".inferry"

    def check(self, cache: Path | None = None) -> None:
        """Refuse a place that no folder can be made at, and any within *cache*.

        Raises:
            StorageError: `NotAllowed` for a file, `AccessDenied` where this user may
                not write.

        """
        if cache is not None and self._is_within(cache):
            raise NotAllowed(
                f"{self.path} is in the cache, which cleans itself up",
                remedy="name a folder outside it, or set [storage] cache_dir",
            )
        if _URI.match(str(self._given)) and self._is_new:
            raise InvalidUri(
                f"{self._given} is no folder on this machine",
                remedy="the URI stands first, then the folder",
            )
        try:
            self._check()
        except PermissionError as error:
            raise AccessDenied(
                f"{error.filename} may not be read by this user ({os.geteuid()})",
                remedy="name a folder that may, or change who owns it",
            ) from error

    def _is_within(self, folder: Path) -> bool:
        there, inner = os.path.realpath(folder), os.path.realpath(self.path)
        return inner == there or inner.startswith(f"{there}{os.sep}")

    def _check(self) -> None:
        if not self._is_new and not self.path.is_dir():
            what = "a file" if self.path.exists() else "a link that leads nowhere"
            raise NotAllowed(
                f"{self.path} is {what}; a model is put into a folder",
                remedy="name a folder, which is made if it is not there",
            )
        there = next(p for p in self._work.parents if p.exists())
        if not there.is_dir():
            raise NotAllowed(
                f"{there} is a file, so {self.path} cannot be made",
                remedy="name another folder",
            )
        if not os.access(there, os.W_OK | os.X_OK) or _is_read_only(there):
            raise AccessDenied(
                f"{there} may not be written by this user ({os.geteuid()})",
                remedy="name a folder that may, or change who owns it",
            )

    @asynccontextmanager
    async def writing(
        self, key: str, on_wait: Callable[[], None] | None = None
    ) -> AsyncIterator[Path]:
        """Give the folder to make *key* in, to one process at a time.

        It holds what a process that was killed has left there. What is left of other
        snapshots is removed.

        Raises:
            AccessDenied: It cannot be made.

        """
        try:
            lock = await self._locked(on_wait)
        except OSError as error:
            raise AccessDenied(
                f"{self._work} cannot be made: {error.strerror}",
                remedy="name a folder that this user may write to",
            ) from error
        with lock:
            try:
                yield self._ready(key)
            finally:
                self._tidy()

    def _ready(self, key: str) -> Path:
        """Make the folder for *key* out of what an earlier run has left."""
        self._is_new = self._is_new and not os.path.lexists(self.path)
        if self._work != self._beside:
            _remove_done(self._beside)
        folder = self._work / key
        for each in self._work.iterdir():
            if each == folder or not each.is_dir() or _is_placing(each):
                continue
            if folder.exists():
                shutil.rmtree(each, ignore_errors=True)
            else:
                # Of a snapshot that was replaced: most files may be as they were.
                each.rename(folder)
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    async def _locked(self, on_wait: Callable[[], None] | None) -> locks.Lock:
        for _ in range(_TRIES):
            try:
                self._make()
                return await locks.wait(self._work / "lock", on_wait=on_wait)
            except FileNotFoundError:
                # Whoever had the lock has just finished and removed the folder.
                await asyncio.sleep(0)
        # Some file systems, such as /proc, say of any name that it is not there.
        self._make()
        return await locks.wait(self._work / "lock", on_wait=on_wait)

    def _make(self) -> None:
        """Make the hidden folder, or take over that of a run that was killed.

        Raises:
            NotAllowed: Something else has its name, which would be lost.

        """
        self._work.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._work.mkdir(mode=0o700)
        except FileExistsError:
            seen = self._work.lstat()
            is_ours = stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid()
            if is_ours and self._is_a_runs():
                return
            raise NotAllowed(
                f"{self._work} is there and not of a pull",
                remedy="move it away: pulls use that name",
            ) from None

    def _is_a_runs(self) -> bool:
        """Say whether the hidden folder has a lock, or nothing yet."""
        return (self._work / "lock").is_file() or not any(self._work.iterdir())

    def _tidy(self) -> None:
        """Remove the hidden folder, unless there is something to resume in it."""
        if not self._work.is_dir():
            return
        if any(each.is_dir() and any(each.iterdir()) for each in self._work.iterdir()):
            return
        _remove(self._work)

    def ours(self, last: Manifest | None) -> dict[str, File]:
        """Return what pulls have put there: the *last*, and any that was killed."""
        # One in the work folder was killed while it placed its files.
        halves = [manifest.read(f / manifest.NAME) for f in self._work.iterdir()]
        found: dict[str, File] = {}
        for known in (last, *halves):
            if known is None:
                continue
            for file in known.files:
                # Of another boot the bytes may not have reached the disk.
                kept = file if known.is_sure else msgspec.structs.replace(file, key="")
                found[file.path] = kept
        return found

    def foresee(self, snapshot: Snapshot, ours: dict[str, File]) -> None:
        """Refuse before the first byte what `place` would refuse, as far as sizes tell.

        Raises:
            NotAllowed: It would overwrite files that no pull has made.

        """
        self._refuse(
            [
                entry.path
                for entry in snapshot.entries
                if self._is_other(entry.path, entry.size, ours)
            ]
        )

    def _is_other(self, path: str, size: int | None, ours: dict[str, File]) -> bool:
        try:
            seen = (self.path / path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        if path in ours and is_file(seen, ours[path]):
            return False
        return not stat.S_ISREG(seen.st_mode) or size not in {None, seen.st_size}

    def place(self, built: Built, ours: dict[str, File]) -> None:
        """Put the finished tree where it belongs, and remove all else that was made.

        *ours* is what pulls have put there, which may be replaced.

        Raises:
            NotAllowed: It would overwrite files that no pull has made.

        """
        if self._is_new:
            built.tree.rename(self.path)
        else:
            self._merge(built, ours)
        _remove(self._work)

    def _merge(self, built: Built, ours: dict[str, File]) -> None:
        paths = [file.path for file in built.manifest.files]
        paths += built.manifest.links
        self._refuse_strangers(paths, built, ours)
        manifest.write(built.folder / manifest.NAME, built.manifest)
        for each in built.manifest.folders:
            (self.path / each).mkdir(mode=0o755, exist_ok=True)
        for each in paths:
            (built.tree / each).replace(self.path / each)
        self._remove_old(ours, set(paths))

    def _refuse_strangers(
        self, paths: list[str], built: Built, ours: dict[str, File]
    ) -> None:
        strangers = [
            each for each in built.manifest.folders if self._is_no_folder(each)
        ]
        strangers += [
            each for each in paths if self._is_stranger(each, built.tree, ours)
        ]
        self._refuse(strangers)

    def _refuse(self, strangers: list[str]) -> None:
        if not strangers:
            return
        _remove(self._work)
        more = " …" if strangers[_SHOWN:] else ""
        raise NotAllowed(
            f"{self.path} holds files that are not of this model and would be "
            f"overwritten: {', '.join(strangers[:_SHOWN])}{more}",
            remedy="name an empty or a new folder, or move them away",
        )

    def _is_no_folder(self, path: str) -> bool:
        try:
            return not stat.S_ISDIR((self.path / path).lstat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _is_stranger(self, path: str, tree: Path, ours: dict[str, File]) -> bool:
        there = self.path / path
        try:
            seen = there.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        if path in ours and is_file(seen, ours[path]):
            return False
        new = tree / path
        if new.is_symlink() or not stat.S_ISREG(seen.st_mode):
            return not (
                new.is_symlink()
                and there.is_symlink()
                and new.readlink() == there.readlink()
            )
        return not _same(new, there)

    def _remove_old(self, ours: dict[str, File], kept: set[str]) -> None:
        """Remove what the last pull made and the model no longer has."""
        for path in ours.keys() - kept:
            there = self.path / path
            try:
                if is_file(there.lstat(), ours[path]):
                    there.unlink()
            except (FileNotFoundError, NotADirectoryError):
                continue


def _remove_done(folder: Path) -> None:
    """Remove the hidden folder of a run that was killed when its model was in place."""
    if folder.is_dir() and (lock := locks.take(folder / "lock")) is not None:
        with lock:
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove the hidden *folder*, its lock last: that is what it is known by."""
    with contextlib.suppress(OSError):
        for each in folder.iterdir():
            if each.name != "lock":
                shutil.rmtree(each, ignore_errors=True)
        (folder / "lock").unlink(missing_ok=True)
        folder.rmdir()


def _is_placing(folder: Path) -> bool:
    return (folder / manifest.NAME).exists()


def _is_read_only(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _same(one: Path, other: Path) -> bool:
    """Say whether two files hold the same bytes."""
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while chunk := first.read(_CHUNK):
            if chunk != second.read(_CHUNK):
                return False
    return True
