"""A download is seen by others when it is complete, never before."""

from __future__ import annotations

import asyncio
import stat
from typing import TYPE_CHECKING

import pytest

from inferry.errors import StorageError
from inferry.storage import Snapshot
from inferry_storage.cache.folder import Cache

if TYPE_CHECKING:
    from pathlib import Path

SNAPSHOT = Snapshot(uri="https://host/a", id="../../1", entries=())


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def store(tmp_path: Path) -> Cache:
    made = Cache(tmp_path)
    made.prepare()
    return made


async def test_what_is_published_is_found(store: Cache) -> None:
    async with store.writing(SNAPSHOT) as folder:
        (folder / "a").touch()
        assert store.find(SNAPSHOT) is None
        published = store.publish(folder)

    assert store.find(SNAPSHOT) == published
    assert [path.name for path in published.iterdir()] == ["a"]


async def test_what_fails_leaves_nothing(store: Cache, tmp_path: Path) -> None:
    async def fail() -> None:
        async with store.writing(SNAPSHOT) as folder:
            (folder / "a").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()

    assert store.find(SNAPSHOT) is None
    assert entries(tmp_path / "partial") == []


async def test_what_was_left_by_a_killed_process_is_removed(store: Cache) -> None:
    async with store.writing(SNAPSHOT) as folder:
        pass
    folder.mkdir()
    (folder / "litter").touch()

    async with store.writing(SNAPSHOT) as again:
        assert again == folder
        assert list(again.iterdir()) == []


async def test_one_writes_at_a_time(store: Cache) -> None:
    inside = 0

    async def write() -> None:
        nonlocal inside
        async with store.writing(SNAPSHOT):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.gather(*(write() for _ in range(5)))


def test_the_cache_is_the_users_own(store: Cache, tmp_path: Path) -> None:
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert modes == {0o700}


def test_a_cache_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StorageError, match=r"set \[storage\] cache_dir"):
        Cache(tmp_path / "file").prepare()
