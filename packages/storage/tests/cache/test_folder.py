"""The cache: made under a lock, published in one step, checked at each use."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import threading
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from inferry.storage import NotAllowed
from inferry_storage.cache import durability, locks, manifest
from inferry_storage.cache.folder import Cache
from inferry_storage.cache.manifest import Manifest, Tree
from inferry_storage.fetching.building import Built

if TYPE_CHECKING:
    from pathlib import Path

    from inferry_storage.cache.folder import Found

KEY = "0" * 40


def built(folder: Path, data: bytes = b"data", *, digests: bool = True) -> Built:
    """Make a tree of one file in *folder*."""
    tree = folder / "tree"
    tree.mkdir()
    (tree / "a.bin").write_bytes(data)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}" if digests else ""
    found = Tree.of(tree)
    made = Manifest(
        uri="s3://bucket/model",
        id="1",
        rung="digest",
        bytes=found.bytes,
        created=time.time(),
        boot=durability.boot(),
        files=tuple(msgspec.structs.replace(f, digest=digest) for f in found.files),
    )
    return Built(folder=folder, tree=tree, manifest=made, bytes_fetched=len(data))


async def published(cache: Cache, key: str = KEY, *, digests: bool = True) -> Found:
    async with cache.writing(key) as folder:
        found = await cache.publish(key, built(folder, digests=digests))
    found.lease.release()
    return found


@pytest.fixture
def store(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    return cache


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_tree_is_visible_when_it_is_published(store: Cache) -> None:
    assert store.find(KEY) is None
    async with store.writing(KEY) as folder:
        ready = built(folder)
        assert store.find(KEY) is None
        (await store.publish(KEY, ready)).lease.release()

    found = store.find(KEY)

    assert found is not None
    assert (found.path / "a.bin").read_bytes() == b"data"
    assert names(store.root / "partial") == []
    found.lease.release()


async def test_what_a_killed_process_left_is_given_to_the_next(store: Cache) -> None:
    async with store.writing(KEY) as folder:
        (folder / "half").touch()

    async with store.writing(KEY) as again:
        assert names(again) == ["half"]


async def test_a_replaced_snapshot_gives_what_it_has(store: Cache) -> None:
    async with store.writing("old") as folder:
        (folder / "half").touch()

    async with store.writing(KEY, adopt="old") as again:
        assert names(again) == ["half"]
    assert names(store.root / "partial") == [KEY]


async def test_one_writes_at_a_time(store: Cache) -> None:
    inside = 0
    told: list[int] = []

    async def write() -> None:
        nonlocal inside
        async with store.writing(KEY, on_wait=lambda: told.append(1)):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.gather(*(write() for _ in range(5)))
    assert len(told) == 4


def test_the_cache_is_the_users_own(store: Cache) -> None:
    folders = [store.root, *store.root.iterdir()]

    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_cache_that_others_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)

    with pytest.raises(NotAllowed, match="others may write"):
        Cache(tmp_path).prepare()


def test_a_cache_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4242)

    with pytest.raises(NotAllowed, match="this is user 4242"):
        Cache(tmp_path).prepare()


def test_a_cache_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(NotAllowed, match=r"set \[storage\] cache_dir"):
        Cache(tmp_path / "file").prepare()


async def test_a_tree_that_was_written_to_goes_to_quarantine(store: Cache) -> None:
    path = (await published(store)).path
    (path / "a.bin").write_bytes(b"mine")

    assert store.find(KEY) is None
    assert len(names(store.root / "quarantine")) == 1
    assert names(store.root / "snapshots") == []


async def test_a_tree_that_was_added_to_goes_to_quarantine(store: Cache) -> None:
    path = (await published(store)).path
    (path / "evil.py").touch()

    assert store.find(KEY) is None


async def test_a_touched_file_with_its_digest_stays(store: Cache) -> None:
    path = (await published(store)).path
    os.utime(path / "a.bin", (1, 1))

    found = store.find(KEY)

    assert found is not None
    found.lease.release()
    assert manifest.unlike(path, found.manifest) == ""


def rebooted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Make it another boot of the machine from here on."""
    boot = tmp_path / "boot_id"
    boot.write_text("another")
    monkeypatch.setattr(durability, "_BOOT", boot)


async def test_after_a_boot_what_was_not_synced_is_read_again(
    store: Cache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await published(store)
    rebooted(monkeypatch, tmp_path)

    found = store.find(KEY)

    assert found is not None
    assert found.manifest.boot == "another"
    found.lease.release()


async def test_after_a_boot_lost_bytes_are_noticed(
    store: Cache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = (await published(store)).path / "a.bin"
    before = path.stat()
    path.write_bytes(b"\0\0\0\0")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    rebooted(monkeypatch, tmp_path)

    assert store.find(KEY) is None


async def test_after_a_boot_nothing_is_taken_on_trust(
    store: Cache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await published(store, digests=False)
    rebooted(monkeypatch, tmp_path)

    assert store.find(KEY) is None


async def test_after_a_boot_what_was_synced_is_used(
    store: Cache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done = threading.Event()
    syncer = durability.Syncer(delay=0)
    soon = syncer.soon

    def then_tell(folder: Path, then: object) -> None:
        soon(folder, lambda: (then(), done.set()))  # type: ignore[operator]

    monkeypatch.setattr(syncer, "soon", then_tell)
    monkeypatch.setattr(durability, "SYNCER", syncer)
    await published(store, digests=False)
    store.sync_soon(KEY)
    assert await asyncio.to_thread(done.wait, 10)
    rebooted(monkeypatch, tmp_path)

    found = store.find(KEY)

    assert found is not None
    found.lease.release()


async def test_a_tree_without_a_manifest_is_replaced(store: Cache) -> None:
    (store.snapshot(KEY) / "tree").mkdir(parents=True)

    assert store.find(KEY) is None
    await published(store)

    found = store.find(KEY)
    assert found is not None
    found.lease.release()
    assert names(store.root / "partial") == []


async def test_a_tree_is_published_when_its_clean_up_is_done(store: Cache) -> None:
    """The lease is this process's before anybody else can see the tree."""
    cleaning = locks.take(store.lock(KEY, "lease"))
    assert cleaning is not None
    async with store.writing(KEY) as folder:
        publishing = asyncio.create_task(store.publish(KEY, built(folder)))
        await asyncio.sleep(0.05)
        assert not store.snapshot(KEY).exists()
        cleaning.release()
        found = await publishing

    assert locks.take(store.lock(KEY, "lease")) is None
    found.lease.release()


async def test_a_look_whether_a_tree_is_in_use_hides_it_from_nobody(
    store: Cache,
) -> None:
    await published(store)
    looking = locks.take(store.lock(KEY, "lease"))
    assert looking is not None
    threading.Timer(0.02, looking.release).start()

    found = await asyncio.to_thread(store.find, KEY)

    assert found is not None
    found.lease.release()


async def test_a_tree_that_another_has_made_anew_is_not_put_away(
    store: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = (await published(store)).path / "a.bin"
    path.chmod(0o644)
    path.write_bytes(b"evil")
    mended = manifest.mended

    def meanwhile(root: Path, known: Manifest) -> Manifest | None:
        found = mended(root, known)
        store.quarantine(KEY)
        asyncio.run(published(store))
        return found

    monkeypatch.setattr(manifest, "mended", meanwhile)

    assert await asyncio.to_thread(store.find, KEY) is None

    monkeypatch.undo()
    found = store.find(KEY)
    assert found is not None
    found.lease.release()
