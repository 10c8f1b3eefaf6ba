"""From a snapshot to a folder that may be published, over kills and boots."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from inferry.storage import Access, Credentials, Source, Unreachable, Unverified
from inferry_storage.cache import durability
from inferry_storage.fetching.building import Built, build, require
from inferry_storage.fetching.opening import Store
from inferry_storage.policy import Policy
from inferry_storage.progress import Reporter

if TYPE_CHECKING:
    from conftest import Shelf


def is_there(path: Path) -> bool:
    return path.exists()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "partial"
    found.mkdir()
    return found


@pytest.fixture
def made(shelf: Shelf, folder: Path) -> Any:
    """Return a coroutine function that builds the shelf's model in the folder."""
    from inferry_shelf import Shelf as Client

    source = Source(uri=shelf.uri())
    policy = Policy(cache_dir=Path("/nowhere"))
    store = Store(
        source=source,
        client=Client(Access()),
        policy=policy,
        backend="shelf",
        credentials=Credentials(),
    )

    async def run(**more: Any) -> Built:
        changed = msgspec.structs.replace(policy, **more)
        return await build(
            await store.resolve(),
            msgspec.structs.replace(store, policy=changed),
            folder,
            reporter=Reporter(source.uri),
            have=lambda _: None,
        )

    return run


async def test_what_was_built_is_described(made: Any, shelf: Shelf) -> None:
    built = await made()

    paths = [each.path for each in built.manifest.files]
    assert paths == sorted(shelf.tree)
    assert built.manifest.folders == ("weights",)
    assert built.manifest.bytes == built.bytes_fetched == 270_002
    assert all(each.key == each.digest for each in built.manifest.files)
    assert built.manifest.boot == durability.boot()


async def test_what_was_complete_is_not_fetched_again(made: Any, shelf: Shelf) -> None:
    await made()
    read = len(shelf.reads)

    assert (await made()).bytes_fetched == 0
    assert len(shelf.reads) == read


async def test_a_tree_that_lost_a_file_is_completed(made: Any, shelf: Shelf) -> None:
    built = await made()
    (built.tree / "config.json").unlink()

    again = await made()

    assert (again.tree / "config.json").read_bytes() == b"{}"


async def test_of_another_boot_nothing_is_kept(
    made: Any, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made()
    read = len(shelf.reads)
    monkeypatch.setattr(durability, "boot", lambda: "another")

    assert (await made()).bytes_fetched == 270_002
    assert len(shelf.reads) > read


async def test_what_may_pass_is_kept_and_what_stays_is_not(
    made: Any, shelf: Shelf, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferry_storage.transfer.patience._ATTEMPTS", 1)
    shelf.order("fail", "Unreachable")
    with pytest.raises(Unreachable):
        await made()
    assert is_there(folder)

    with pytest.raises(Unverified):
        await made(require="signature")
    assert not is_there(folder)


def test_a_floor_is_kept() -> None:
    policy = Policy(cache_dir=Path("/nowhere"), require="checksum")

    require("s3://b", "digest", policy)
    require("s3://b", "checksum", policy)
    with pytest.raises(Unverified, match="verified by etag"):
        require("s3://b", "etag", policy)
