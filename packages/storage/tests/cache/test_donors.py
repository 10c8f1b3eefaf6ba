"""What the cache gives to a new tree, so that it is not read again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from inferry.storage import Entry, Snapshot
from inferry_storage.cache import cleaning, durability
from inferry_storage.cache.donors import Donors
from inferry_storage.cache.folder import Cache
from inferry_storage.cache.manifest import Manifest, Tree
from inferry_storage.fetching.building import Built

if TYPE_CHECKING:
    from pathlib import Path

SNAPSHOT = Snapshot(uri="s3://bucket/model", id="2", entries=())
ENTRY = Entry(path="b.bin", size=4, digest="sha256:ab")


@pytest.fixture
async def store(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    async with cache.writing("old") as folder:
        tree = folder / "tree"
        tree.mkdir()
        (tree / "a.bin").write_bytes(b"data")
        (file,) = Tree.of(tree).files
        made = Manifest(
            uri="",
            id="1",
            rung="digest",
            bytes=4,
            created=time.time(),
            boot=durability.boot(),
            files=(msgspec.structs.replace(file, key="sha256:ab"),),
        )
        built = Built(folder=folder, tree=tree, manifest=made, bytes_fetched=4)
        (await cache.publish("old", built)).lease.release()
    return cache


def test_equal_content_is_given_under_another_name(store: Cache) -> None:
    donors = Donors(store, SNAPSHOT, store.root)

    assert donors(ENTRY) == store.snapshot("old") / "tree" / "a.bin"
    donors.release()


def test_other_content_is_not(store: Cache) -> None:
    other = msgspec.structs.replace(ENTRY, digest="sha256:cd")

    assert Donors(store, SNAPSHOT, store.root)(other) is None


def test_who_gives_stays_until_it_is_released(store: Cache) -> None:
    donors = Donors(store, SNAPSHOT, store.root)
    donors(ENTRY)

    assert not cleaning.remove(store, "old")
    donors.release()
    assert cleaning.remove(store, "old")


def test_a_changed_file_is_not_given(store: Cache) -> None:
    (store.snapshot("old") / "tree" / "a.bin").write_bytes(b"mine")

    assert Donors(store, SNAPSHOT, store.root)(ENTRY) is None


def test_after_a_boot_nothing_is_given_that_may_be_lost(
    store: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durability, "boot", lambda: "another")

    assert Donors(store, SNAPSHOT, store.root)(ENTRY) is None


def test_a_cache_that_is_not_there_gives_nothing(tmp_path: Path) -> None:
    assert Donors(Cache(tmp_path / "none"), SNAPSHOT, tmp_path)(ENTRY) is None
