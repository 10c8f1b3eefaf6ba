"""Clean-up: by bytes, by age, by name, and never what is in use."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from inferry_storage.cache import cleaning, durability
from inferry_storage.cache.folder import Cache
from inferry_storage.cache.manifest import Manifest, Tree
from inferry_storage.fetching.building import Built

if TYPE_CHECKING:
    from pathlib import Path

DAY = 24 * 3600


@pytest.fixture
def store(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    return cache


async def add(store: Cache, key: str, size: int, *, age: float) -> None:
    """Put a tree of *size* bytes there that was used *age* seconds ago."""
    async with store.writing(key) as folder:
        tree = folder / "tree"
        tree.mkdir()
        (tree / "a.bin").write_bytes(b"x" * size)
        found = Tree.of(tree)
        made = Manifest(
            uri=f"s3://bucket/{key}",
            id=key,
            rung="etag",
            bytes=size,
            created=0.0,
            boot=durability.boot(),
            files=found.files,
        )
        built = Built(folder=folder, tree=tree, manifest=made, bytes_fetched=size)
        (await store.publish(key, built)).lease.release()
    used = time.time() - age
    os.utime(store.lock(key, "lease"), (used, used))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def keys(store: Cache) -> list[str]:
    return [each.key for each in cleaning.kept(store)]


async def test_what_was_used_longest_ago_goes_first(store: Cache) -> None:
    await add(store, "new", 10, age=1)
    await add(store, "old", 10, age=9)
    await add(store, "older", 10, age=99)

    gone = cleaning.clean(store, 20)

    assert [each.key for each in gone] == ["older"]
    assert keys(store) == ["old", "new"]


async def test_what_is_in_use_stays(store: Cache) -> None:
    await add(store, "used", 10, age=99)
    await add(store, "free", 10, age=1)
    found = store.find("used")
    assert found is not None
    os.utime(store.lock("used", "lease"), (1, 1))

    cleaning.clean(store, 0)

    assert keys(store) == ["used"]
    assert not cleaning.remove(store, "used")
    found.lease.release()
    assert cleaning.remove(store, "used")
    assert names(store.root / "snapshots") == []


async def test_a_use_is_noted(store: Cache) -> None:
    await add(store, "one", 1, age=99)
    await add(store, "two", 1, age=9)
    found = store.find("one")
    assert found is not None
    found.lease.release()

    assert keys(store) == ["two", "one"]


async def test_what_two_trees_share_counts_once(store: Cache) -> None:
    await add(store, "one", 10, age=1)
    await add(store, "two", 10, age=1)
    one, two = cleaning.kept(store)

    assert cleaning.used_bytes([one, two]) == 20
    assert cleaning.used_bytes([one, one]) == 10


async def test_what_was_not_used_for_long_goes(store: Cache) -> None:
    await add(store, "new", 1, age=1)
    await add(store, "old", 1, age=8 * DAY)

    gone = cleaning.clean_unused(store, 7 * DAY)

    assert [each.key for each in gone] == ["old"]


async def test_room_is_made_when_the_disk_is_full(
    store: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(store, "new", 10, age=1)
    await add(store, "old", 10, age=9)
    free = 5

    def disk(_: Path) -> int:
        return free + 10 * (2 - len(names(store.root / "snapshots")))

    monkeypatch.setattr(cleaning, "_free", disk)

    cleaning.make_room(store, 5)
    assert keys(store) == ["old", "new"]
    cleaning.make_room(store, 1000)
    assert keys(store) == ["old", "new"]
    cleaning.make_room(store, 15)
    assert keys(store) == ["new"]


async def test_what_dead_processes_left_goes_by_age(store: Cache) -> None:
    for name, days in (("dead", 8), ("resumable", 6)):
        async with store.writing(name) as folder:
            (folder / "half").touch()
        for path in (folder / "half", folder):
            os.utime(path, (time.time() - days * DAY,) * 2)
    (store.root / "partial" / "trash.1.1").mkdir()

    cleaning.sweep(store)

    assert names(store.root / "partial") == ["resumable"]


async def test_what_is_being_fetched_is_not_swept(store: Cache) -> None:
    async with store.writing("slow") as folder:
        os.utime(folder, (1, 1))
        cleaning.sweep(store)
        assert folder.exists()


async def test_quarantine_is_swept_by_age(store: Cache) -> None:
    await add(store, "bad", 1, age=1)
    place = store.quarantine("bad")
    cleaning.sweep(store)
    assert place.exists()

    for path in (*place.iterdir(), place):
        os.utime(path, (1, 1))
    cleaning.sweep(store)

    assert not place.exists()


async def test_what_nothing_describes_is_swept(store: Cache) -> None:
    await add(store, "here", 1, age=1)
    (store.snapshot("torn") / "tree").mkdir(parents=True)
    (store.root / "pulls" / ".torn.json.1").touch()
    os.utime(store.root / "pulls" / ".torn.json.1", (1, 1))

    cleaning.sweep(store)

    assert names(store.root / "snapshots") == ["here"]
    assert names(store.root / "pulls") == []


async def test_locks_of_nothing_are_swept(store: Cache) -> None:
    await add(store, "here", 1, age=1)
    for name in ("gone.fetch", "here.fetch"):
        (store.root / "locks" / name).touch()
        os.utime(store.root / "locks" / name, (1, 1))

    cleaning.sweep(store)

    assert names(store.root / "locks") == ["here.fetch", "here.lease"]


def test_a_cache_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert cleaning.kept(Cache(tmp_path / "none")) == []
