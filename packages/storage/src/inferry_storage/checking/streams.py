"""What is compressed, read as what it is."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from inferry.storage import Corrupt, NoBackend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from typing_extensions import Buffer

#: The buffer of a stream of chunks.
_BUFFER = 1 << 16
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"


@contextmanager
def plain(path: Path, *, what: str) -> Iterator[BinaryIO]:
    """Give the bytes in the file *path*, unpacked where it is gzip or zstd.

    ``what`` names the file in errors.

    Raises:
        Corrupt: The compressed bytes are cut off or wrong.
        NoBackend: zstd is not installed.

    """
    with path.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        try:
            if magic.startswith(GZIP):
                with gzip.open(file) as stream:
                    yield cast("BinaryIO", stream)
            elif magic == ZSTD:
                yield from _zstd(file, what)
            else:
                yield file
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise Corrupt(
                f"{what} is cut off or damaged", remedy="store it anew"
            ) from error


def zstd_module() -> ModuleType | None:
    """Return Python's zstd, or the package that has it before Python 3.14."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        return None
    return zstd


def buffered(chunks: Iterator[bytes]) -> io.BufferedReader:
    """Return a file that holds *chunks*, to be read once from start to end."""
    return io.BufferedReader(_Chunks(chunks), _BUFFER)


class _Chunks(io.RawIOBase):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        target = memoryview(buffer).cast("B")
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _zstd(file: BinaryIO, what: str) -> Iterator[BinaryIO]:
    zstd = zstd_module()
    if zstd is None:
        raise NoBackend(
            f"{what} is compressed with zstd, which is not installed here",
            remedy="pip install 'inferry-storage[oci]'",
        )
    try:
        with zstd.open(file) as stream:
            yield stream
    except zstd.ZstdError as error:
        raise Corrupt(
            f"{what} is cut off or damaged", remedy="store it anew"
        ) from error
