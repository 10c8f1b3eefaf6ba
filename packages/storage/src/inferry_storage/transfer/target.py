"""The files that a download writes; blocking functions for its threads."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from inferry.storage import DiskError, DiskFull

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from threading import Lock

    from inferry_storage.transfer.digests import Digest

_FULL = {errno.ENOSPC, errno.EDQUOT}
_BLOCK = 2**20
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_READ_ONLY = 0o444


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn what the operating system says of the disk into typed errors.

    Raises:
        DiskFull: There is no room.
        DiskError: Anything else, such as a read error or a disk that is read-only.

    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(
                f"the disk below {folder} is full",
                remedy="free disk space, or set [storage] cache_dir to a larger disk",
            ) from error
        raise DiskError(
            f"{folder} cannot be written: {error.strerror or type(error).__name__}",
            remedy="check the disk and its permissions, or set [storage] cache_dir",
        ) from error


def open_part(path: Path, size: int | None) -> int:
    """Open *path* to be written in any order, of *size* bytes from the start on."""
    try:
        file = os.open(path, _FLAGS, 0o600)
    except PermissionError:
        # An earlier run was killed when this file was complete, and others were not.
        path.chmod(0o600)
        file = os.open(path, _FLAGS, 0o600)
    try:
        if size is not None and os.fstat(file).st_size != size:
            os.ftruncate(file, size)
    except OSError:
        os.close(file)
        raise
    return file


def write_at(file: int, pieces: Sequence[bytes], offset: int) -> None:
    """Write *pieces* one after the other, from *offset* on."""
    # A disk may take a part of them, and says so by what it returns.
    wrote = os.pwritev(file, pieces, offset)
    if wrote < sum(map(len, pieces)):
        rest = memoryview(b"".join(map(bytes, pieces)))
        while wrote < len(rest):
            wrote += os.pwrite(file, rest[wrote:], offset + wrote)


def write_small(path: Path, pieces: Sequence[bytes], making: Lock) -> None:
    """Write a whole file; *making* is held by one thread of a folder at a time.

    The kernel lets one at a time make a file in a folder too, but the others spin: with
    32 threads 2,000 files took twice as long.
    """
    with making:
        file = os.open(path, _FLAGS | os.O_TRUNC, _READ_ONLY)
    try:
        if pieces:
            write_at(file, pieces, 0)
        if not _is_usual_umask():
            os.fchmod(file, _READ_ONLY)
    finally:
        os.close(file)


@cache
def _is_usual_umask() -> bool:
    """Say whether files are made with the mode that they are to have."""
    # Asking for it is setting it, so it is read where the kernel shows it.
    with contextlib.suppress(OSError, IndexError, ValueError):
        status = Path("/proc/self/status").read_text("ascii", "replace")
        return not int(status.partition("\nUmask:")[2].split()[0], 8) & _READ_ONLY
    return False


def close_whole(file: int) -> None:
    """Close a file that is complete; nobody writes it again."""
    try:
        os.fchmod(file, _READ_ONLY)
    finally:
        os.close(file)


def feed(digest: Digest, file: int, start: int, end: int, block: bytearray) -> int:
    """Feed a part of *file* to *digest*, one block; return where the next begins."""
    count = os.preadv(file, [memoryview(block)[: end - start]], start)
    digest.update(memoryview(block)[:count])
    return start + count


def link(found: Path, path: Path, size: int | None) -> bool:
    """Make *path* the file *found*, which others share; say whether it could be."""
    try:
        if size is not None and found.stat().st_size != size:
            return False
        os.link(found, path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    except OSError:
        # Another disk, or more links than it allows.
        shutil.copyfile(found, path, follow_symlinks=False)
        path.chmod(_READ_ONLY)
    return True


def sweep(folder: Path, wanted: Collection[str]) -> None:
    """Remove from *folder* every file that is not *wanted*, and folders without any."""
    for above, folders, files in os.walk(folder, topdown=False):
        here = Path(above)
        for path in [here / name for name in files]:
            if path.relative_to(folder).as_posix() not in wanted:
                path.unlink()
        for path in [here / name for name in folders]:
            if path.is_symlink():
                path.unlink()
            else:
                with contextlib.suppress(OSError):
                    path.rmdir()


def make_folders(folder: Path, paths: Iterable[str]) -> None:
    """Make the folders that the files of these *paths* are in."""
    for above in sorted({path.rpartition("/")[0] for path in paths}):
        (folder / above).mkdir(parents=True, exist_ok=True)
