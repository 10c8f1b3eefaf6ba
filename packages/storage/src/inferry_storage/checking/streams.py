"""What is compressed, read as what it is."""

from __future__ import annotations

import gzip
import sys
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from inferry.storage import Corrupt, NoBackend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


def _zstd(file: BinaryIO, what: str) -> Iterator[BinaryIO]:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        raise NoBackend(
            f"{what} is compressed with zstd, which is not installed here",
            remedy="pip install 'inferry-storage[oci]'",
        ) from None
    try:
        with zstd.open(file) as stream:
            yield cast("BinaryIO", stream)
    except zstd.ZstdError as error:
        raise Corrupt(
            f"{what} is cut off or damaged", remedy="store it anew"
        ) from error
