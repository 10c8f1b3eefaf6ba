"""The folder that something is unpacked to, and what that may take."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from inferry.errors import StorageError
from inferry.storage import DiskFull, TooLarge, UnsafeArchive, shown_uri
from inferry_storage.checking import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from inferry_storage.checking.tars import Readable
    from inferry_storage.policy import Policy

#: What packs better than this is a bomb; zlib itself reaches about 1,000.
_RATIO = 200
#: Small archives of zeros hurt nobody.
_GRACE = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT}


class Unpacked:
    """A new folder inside a partial download; every name is checked before its use."""

    def __init__(self, root: Path, policy: Policy, *, packed: int, uri: str) -> None:
        self.root = root
        self.uri = uri
        self._policy = policy
        self._packed = packed
        self._count = 0
        self._bytes = 0

    @contextmanager
    def filled(self) -> Iterator[None]:
        """Make the folder; remove it where what fills it fails.

        Raises:
            StorageError: The disk is full, or cannot be written to.

        """
        shutil.rmtree(self.root, ignore_errors=True)
        try:
            self.root.mkdir(mode=0o755)
            yield
        except BaseException as error:
            shutil.rmtree(self.root, ignore_errors=True)
            if isinstance(error, OSError):
                raise self._failed(error) from error
            raise

    def counted(self, stream: Readable) -> Readable:
        """Return *stream*, of which no more is read than a model may have."""
        return _Counted(stream, self)

    def count(self) -> None:
        """Count one more file or folder."""
        self._count += 1
        if self._count > self._policy.max_files:
            raise TooLarge(
                f"{self.shown} unpacks to more than {self._policy.max_files} files",
                remedy="raise [storage] max_files",
            )

    def take(self, size: int) -> None:
        """Count *size* more bytes that come out of an archive."""
        self._bytes += size
        if self._bytes > self._policy.max_bytes:
            raise TooLarge(
                f"{self.shown} unpacks to more than {self._policy.max_bytes} bytes",
                remedy="raise [storage] max_bytes",
            )
        if self._bytes > _RATIO * self._packed + _GRACE:
            raise UnsafeArchive(
                f"{self.shown} unpacks to more than {_RATIO} times its size",
                remedy="unpack it yourself and store the files",
            )

    def folder(self, path: str) -> None:
        """Make the folder *path*, and those above it."""
        self._check(path)
        self._make(path)

    def file(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write the file *path*, which must be new."""
        self._check(path)
        above = path.rpartition("/")[0]
        if above:
            self._make(above)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            number = os.open(self.root / path, flags, 0o644)
        except FileExistsError:
            raise names.refused(path, "is there twice", uri=self.uri) from None
        with os.fdopen(number, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            os.fchmod(file.fileno(), 0o444)

    @property
    def shown(self) -> str:
        """Return the URI as messages have it."""
        return shown_uri(self.uri) or "the archive"

    def _check(self, path: str) -> None:
        if problem := names.unsafe(path):
            raise names.refused(path, problem, uri=self.uri)

    def _make(self, path: str) -> None:
        try:
            (self.root / path).mkdir(mode=0o755, parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            problem = "is both a file and a folder"
            raise names.refused(path, problem, uri=self.uri) from None

    def _failed(self, error: OSError) -> StorageError:
        if error.errno in _FULL:
            return DiskFull(
                f"the disk is full: {self.shown} cannot be unpacked",
                remedy="free some space, or set [storage] cache_dir to another disk",
            )
        why = error.strerror or type(error).__name__
        return StorageError(
            f"{self.shown} cannot be unpacked: {why}",
            remedy="see whether [storage] cache_dir can be written to",
        )


class _Counted:
    """A stream that counts what is read of it."""

    def __init__(self, stream: Readable, unpacked: Unpacked) -> None:
        self._stream = stream
        self._unpacked = unpacked

    def read(self, size: int, /) -> bytes:
        chunk = self._stream.read(size)
        self._unpacked.take(len(chunk))
        return chunk
