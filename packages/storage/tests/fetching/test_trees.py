"""Several sources as one tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inferry.plugins import load_plugins
from inferry.storage import NotAllowed, Source
from inferry_storage import Fetched, fetch_tree, release
from inferry_storage.cache import cleaning
from inferry_storage.cache.folder import Cache

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from conftest import Shelf

    from inferry.config import Settings


@pytest.fixture
def joined(
    shelf: Shelf, settings: Settings
) -> Callable[..., Coroutine[Any, Any, Path]]:
    plugins = load_plugins("local", settings, only=["storage", "shelf"])

    async def fetch(*pairs: tuple[str, str], **more: Any) -> Path:
        sources = [Source(uri=uri, mount_path=mount) for uri, mount in pairs]
        return await fetch_tree(sources, plugins=plugins, settings=settings, **more)

    return fetch


async def test_each_source_is_below_its_mount_path(
    joined: Any, shelf: Shelf, tmp_path: Path
) -> None:
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "vocab.txt").write_text("a b")

    path = await joined(
        (shelf.uri(), "/mnt/models"),
        (str(tmp_path / "local"), "/mnt/models/tokenizer"),
        (shelf.uri("?promise=none"), "/mnt/models/again/here"),
    )

    assert (path / "config.json").read_bytes() == b"{}"
    assert (path / "again/here/weights/one.bin").stat().st_size == 200_000
    vocab = path / "tokenizer" / "vocab.txt"
    assert vocab.readlink() == tmp_path / "local" / "vocab.txt"


async def test_what_came_into_a_local_folder_is_in_the_tree(
    joined: Any, shelf: Shelf, tmp_path: Path
) -> None:
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "a.txt").write_text("a")
    pairs = ((shelf.uri(), "/mnt/models"), (str(tmp_path / "local"), "/mnt/models/l"))
    await joined(*pairs)
    (tmp_path / "local" / "b.txt").write_text("b")

    path = await joined(*pairs)

    assert sorted(each.name for each in (path / "l").iterdir()) == ["a.txt", "b.txt"]


async def test_what_each_source_is_at_the_end_is_told(
    joined: Any, shelf: Shelf
) -> None:
    told: list[Fetched] = []
    pairs = ((shelf.uri(), "/mnt/models/a"), (shelf.uri(), "/mnt/models/b"))

    await joined(*pairs, on_fetched=told.append)

    assert [(each.cached, each.rung) for each in told] == [
        (False, "digest"),
        (True, "digest"),
    ]


async def test_the_same_sources_are_the_same_tree(joined: Any, shelf: Shelf) -> None:
    pairs = ((shelf.uri(), "/mnt/models/a"), (shelf.uri(), "/mnt/models/b"))
    first = await joined(*pairs)
    read = len(shelf.reads)

    assert await joined(*pairs) == first
    assert len(shelf.reads) == read


async def test_it_takes_no_bytes_and_is_kept_while_it_is_used(
    joined: Any, shelf: Shelf, cache: Path
) -> None:
    path = await joined((shelf.uri(), "/mnt/models/a"), (shelf.uri(), "/mnt/models/b"))
    store = Cache(cache)
    assert cleaning.used_bytes(cleaning.kept(store)) == 270_002

    cleaning.clean(store, 0)
    assert [each.in_use for each in cleaning.kept(store)] == [True]
    assert (path / "a" / "config.json").read_bytes() == b"{}"

    release(path)
    cleaning.clean(store, 0)
    assert not path.exists()


async def test_one_source_for_all_is_used_where_it_is(
    joined: Any, shelf: Shelf, tmp_path: Path
) -> None:
    assert await joined((str(shelf.root), "/mnt/models")) == shelf.root
    path = await joined((shelf.uri(), "/mnt/models"))
    assert "snapshots" in path.parts


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        ("", "", "config.json"),
        ("", "/config.json", "config.json"),
        ("/weights/one.bin", "", "weights/one.bin"),
    ],
)
async def test_two_sources_with_one_file_are_refused(
    joined: Any, shelf: Shelf, one: str, other: str, name: str
) -> None:
    one, other = f"/mnt/models{one}", f"/mnt/models{other}"
    with pytest.raises(NotAllowed, match=f"both have /mnt/models/{name}"):
        await joined((shelf.uri(), one), (shelf.uri("?promise=none"), other))


@pytest.mark.parametrize("mount", ["/etc", "/mnt/models/../x", "/mnt/models2", "rel"])
async def test_a_mount_path_elsewhere_is_refused(
    joined: Any, shelf: Shelf, mount: str
) -> None:
    with pytest.raises(NotAllowed, match="choose one below /mnt/models"):
        await joined((shelf.uri(), mount))
