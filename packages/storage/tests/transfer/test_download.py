"""What a storage backend gives is checked before and while it is written."""

from __future__ import annotations

import errno
import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from inferry.errors import StorageError
from inferry.status import Reason
from inferry.storage import Entry, Snapshot, Source
from inferry_storage.policy import Policy
from inferry_storage.progress import Reporter
from inferry_storage.transfer import download as module
from inferry_storage.transfer.download import download

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PIECE = b"0123456789"


class Pieces:
    """Gives so many pieces of ten bytes, whatever was promised."""

    def __init__(self, count: int = 1, breaks_after: int | None = None) -> None:
        self.count = count
        self.breaks_after = breaks_after

    async def resolve(self, source: Source) -> Snapshot:
        return snapshot(size=len(PIECE) * self.count)

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        for index in range(start // len(PIECE), self.count):
            if index == self.breaks_after:
                self.breaks_after = None
                raise StorageError("cut", reason=Reason.StorageUnreachable)
            yield PIECE

    async def close(self) -> None:
        """Give nothing back."""


def snapshot(
    *paths: str, size: int | None = None, digest: str | None = None
) -> Snapshot:
    entries = tuple(
        Entry(path=path, size=size, digest=digest) for path in paths or ("model.bin",)
    )
    return Snapshot(uri="acme://me:secret@host/a?sig=secret", id="1", entries=entries)


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.rglob("*")]


async def fetched(
    what: Snapshot, folder: Path, count: int = 1, breaks_after: int | None = None
) -> None:
    sizes = [entry.size for entry in what.entries]
    await download(
        what,
        Pieces(count, breaks_after),
        folder,
        policy=Policy(cache_dir=folder, max_bytes=2**62),
        reporter=Reporter("acme://host/a", sizes, None),
    )


async def refused(what: Snapshot, folder: Path, count: int = 1) -> StorageError:
    with pytest.raises(StorageError) as raised:
        await fetched(what, folder, count)
    assert "secret" not in str(raised.value)
    return raised.value


async def test_files_lie_where_their_paths_say(tmp_path: Path) -> None:
    await fetched(snapshot("a/b.bin", "c.bin", size=10), tmp_path)

    assert (tmp_path / "a" / "b.bin").read_bytes() == PIECE
    assert (tmp_path / "c.bin").stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("algorithm", ["blake2b", "md5", "sha256", "sha512"])
async def test_a_digest_that_agrees_is_accepted(algorithm: str, tmp_path: Path) -> None:
    promised = hashlib.new(algorithm, PIECE * 3).hexdigest().upper()

    await fetched(snapshot(digest=f"{algorithm}:{promised}"), tmp_path, count=3)

    assert (tmp_path / "model.bin").stat().st_size == 30


async def test_a_digest_that_differs_is_refused(tmp_path: Path) -> None:
    promised = hashlib.sha256(PIECE).hexdigest()
    error = await refused(snapshot(digest=f"sha256:{promised}"), tmp_path, count=2)

    assert error.reason == "StorageCorrupt"
    assert error.message == (
        "model.bin arrived with another sha256 than its store promised"
    )


@pytest.mark.parametrize("digest", ["crc32:00", "shake_128:00", "00ff"])
async def test_a_digest_that_cannot_be_checked_is_refused(
    digest: str, tmp_path: Path
) -> None:
    error = await refused(snapshot(digest=digest), tmp_path)

    assert error.reason == "StorageCorrupt"
    assert "cannot be checked" in error.message
    assert names(tmp_path) == []


async def test_a_digest_holds_over_a_broken_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BACKOFF", 0)
    promised = hashlib.sha256(PIECE * 4).hexdigest()

    await fetched(
        snapshot(digest=f"sha256:{promised}"), tmp_path, count=4, breaks_after=2
    )

    assert (tmp_path / "model.bin").read_bytes() == PIECE * 4


async def test_a_snapshot_without_files_is_refused(tmp_path: Path) -> None:
    nothing = Snapshot(uri="acme://host/a", id="1", entries=())
    error = await refused(nothing, tmp_path)

    assert (error.reason, error.message) == (
        "StorageNotFound",
        "acme://host/a holds no files",
    )


@pytest.mark.parametrize("path", ["../a", "/a", "a//b", "C:\\a", "a\n"])
async def test_an_unsafe_name_is_never_written(path: str, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    error = await refused(snapshot(path, size=10), folder)

    assert error.reason == "StorageCorrupt"
    assert names(tmp_path) == ["in"]


async def test_what_the_disk_cannot_hold_is_not_begun(tmp_path: Path) -> None:
    error = await refused(snapshot(size=2**60), tmp_path)

    assert error.reason == "StorageFull"
    assert names(tmp_path) == []


async def test_more_than_was_promised_is_cut_off(tmp_path: Path) -> None:
    error = await refused(snapshot(size=15), tmp_path, count=100)

    assert error.reason == "StorageCorrupt"
    assert (tmp_path / "model.bin").stat().st_size <= 15


@pytest.mark.parametrize(
    ("number", "reason", "said"),
    [
        (errno.ENOSPC, "StorageFull", "is full; free disk space"),
        (errno.EDQUOT, "StorageFull", "is full; free disk space"),
        (errno.EIO, "StorageFailed", "cannot be written: Input/output error"),
    ],
)
async def test_a_disk_that_fails_is_told(
    number: int,
    reason: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fsync(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(module.os, "fsync", fsync)
    error = await refused(snapshot(size=10), tmp_path)

    assert error.reason == reason
    assert said in str(error)
