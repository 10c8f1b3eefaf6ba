"""`pull`: a model in a folder of the user's, all of it or nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from inferry.config import load_settings
from inferry.plugins import load_plugins
from inferry.storage import (
    AccessDenied,
    Corrupt,
    InvalidUri,
    NotAllowed,
    Source,
    TooLarge,
)
from inferry_storage import Fetched, pull

if TYPE_CHECKING:
    from conftest import Shelf

OLD = "weights/two.bin"


class Puller:
    """`pull` with the settings of a user who has set *named*, and no cache else."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cache = home / "xdg" / "inferry" / "models"
        monkeypatch.setenv("XDG_CACHE_HOME", str(home / "xdg"))

    async def __call__(self, uri: str, destination: Path, **named: str) -> Fetched:
        overrides = {f"storage.{key}": value for key, value in named.items()}
        settings = load_settings(environ={}, overrides=overrides)
        plugins = load_plugins("cli", settings, only=["storage", "shelf"])
        return await pull(
            Source(uri=uri), destination, plugins=plugins, settings=settings
        )


@pytest.fixture
def puller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Puller:
    return Puller(tmp_path, monkeypatch)


@pytest.fixture(params=["new", "there"])
def target(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Return a folder that is made by the pull, or that is there before."""
    found = tmp_path / "volumes" / "model"
    found.parent.mkdir()
    if request.param == "there":
        found.mkdir()
    return found


def tree_of(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if not path.is_dir()
    }


def names(root: Path) -> list[str]:
    return [path.name for path in root.iterdir()]


def litter(target: Path) -> list[str]:
    """Return what a pull has left beside and in *target* besides the model."""
    beside = [path.name for path in target.parent.iterdir() if path != target]
    return beside + [path.name for path in target.glob(".*")]


async def test_a_model_comes_whole_without_litter(
    puller: Puller, shelf: Shelf, target: Path
) -> None:
    fetched = await puller(shelf.uri(), target)

    assert tree_of(target) == shelf.tree
    assert litter(target) == []
    assert fetched.path == target
    assert (fetched.rung, fetched.bytes_fetched) == ("digest", 270_002)
    assert (target / "weights").stat().st_mode & 0o777 == 0o755
    assert (target / OLD).stat().st_mode & 0o777 == 0o444
    assert not (puller.cache / "snapshots").exists() or not any(
        (puller.cache / "snapshots").iterdir()
    )


async def test_a_second_pull_reads_nothing(
    puller: Puller, shelf: Shelf, target: Path
) -> None:
    await puller(shelf.uri("?promise=none"), target)
    read = len(shelf.reads)

    again = await puller(shelf.uri("?promise=none"), target)

    assert again.bytes_fetched == 0
    assert len(shelf.reads) == read
    assert tree_of(target) == shelf.tree


async def test_where_nothing_can_be_noted_digests_tell(
    puller: Puller, shelf: Shelf, target: Path, tmp_path: Path
) -> None:
    (tmp_path / "xdg").touch()
    await puller(shelf.uri(), target)

    assert (await puller(shelf.uri(), target)).bytes_fetched == 0


async def test_a_new_version_takes_the_place_of_the_old(
    puller: Puller, shelf: Shelf, target: Path
) -> None:
    await puller(shelf.uri(), target)
    shelf.put("config.json", b"{1}")
    shelf.put("more/new.bin", b"new")
    (shelf.root / OLD).unlink()

    fetched = await puller(shelf.uri(), target)

    assert tree_of(target) == shelf.tree
    assert fetched.bytes_fetched == 6
    assert litter(target) == []


async def test_what_the_user_has_there_stays(
    puller: Puller, shelf: Shelf, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    await puller(shelf.uri(), tmp_path)

    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / "config.json").read_bytes() == b"{}"


async def test_what_the_user_has_there_is_not_overwritten(
    puller: Puller, shelf: Shelf, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "config.json").write_text("mine")

    with pytest.raises(NotAllowed, match=r"not of this model .*: config\.json"):
        await puller(shelf.uri(), target)

    assert tree_of(target) == {"config.json": b"mine"}


async def test_what_would_be_overwritten_is_told_before_the_first_byte(
    puller: Puller, shelf: Shelf, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    (target / "config.json").mkdir(parents=True)

    with pytest.raises(NotAllowed, match="not of this model"):
        await puller(shelf.uri(), target)

    assert shelf.reads == []


async def test_an_equal_file_of_the_user_is_no_hindrance(
    puller: Puller, shelf: Shelf, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "config.json").write_bytes(b"{}")

    await puller(shelf.uri("?promise=none"), target)

    assert tree_of(target) == shelf.tree


async def test_a_link_in_the_folder_is_not_followed(
    puller: Puller, shelf: Shelf, tmp_path: Path
) -> None:
    target, outside = tmp_path / "target", tmp_path / "outside"
    target.mkdir()
    outside.mkdir()
    (target / "weights").symlink_to(outside)

    with pytest.raises(NotAllowed, match="weights"):
        await puller(shelf.uri(), target)

    assert tree_of(outside) == {}


@pytest.mark.parametrize("kind", ["folder", "link", "file"])
async def test_what_has_the_name_of_the_hidden_folder_is_not_lost(
    puller: Puller, shelf: Shelf, tmp_path: Path, kind: str
) -> None:
    target, mine = tmp_path / "target", tmp_path / "mine"
    mine.mkdir()
    (mine / "precious").write_text("mine")
    target.mkdir()
    if kind == "folder":
        mine.rename(target / ".inferry")
    elif kind == "link":
        (target / ".inferry").symlink_to(mine)
    else:
        (target / ".inferry").write_text("mine")

    with pytest.raises(NotAllowed, match=r"\.inferry is there and not of a pull"):
        await puller(shelf.uri(), target)

    assert b"mine" in {*tree_of(mine).values(), *tree_of(target).values()}


async def test_what_is_too_large_makes_nothing(
    puller: Puller, shelf: Shelf, tmp_path: Path
) -> None:
    with pytest.raises(TooLarge):
        await puller(shelf.uri(), tmp_path / "a" / "b", max_bytes="1000")

    assert "a" not in names(tmp_path)
    assert shelf.reads == []


async def test_a_failure_leaves_nothing(
    puller: Puller, shelf: Shelf, target: Path
) -> None:
    shelf.order("fail", "Corrupt")

    with pytest.raises(Corrupt):
        await puller(shelf.uri(), target)

    assert litter(target) == []
    assert tree_of(target) == {}


async def test_by_way_of_a_named_cache_it_is_hard_links(
    puller: Puller, shelf: Shelf, target: Path, cache: Path
) -> None:
    await puller(shelf.uri(), target, cache_dir=str(cache))
    read = len(shelf.reads)

    other = target.with_name("other")
    fetched = await puller(shelf.uri(), other, cache_dir=str(cache))

    assert tree_of(target) == tree_of(other) == shelf.tree
    assert (fetched.cached, len(shelf.reads)) == (True, read)
    assert (target / OLD).stat().st_ino == (other / OLD).stat().st_ino
    assert len(list((cache / "snapshots").iterdir())) == 1


@pytest.mark.skipif(
    not Path("/dev/shm").is_dir(),
    reason="there is no other file system to write to",
)
async def test_a_cache_on_another_disk_is_not_used(
    puller: Puller, shelf: Shelf, target: Path
) -> None:
    import shutil
    import tempfile

    other = Path(tempfile.mkdtemp(dir="/dev/shm"))
    try:
        await puller(shelf.uri(), target, cache_dir=str(other))
        assert not any((other / "snapshots").iterdir())
    finally:
        shutil.rmtree(other)

    assert tree_of(target) == shelf.tree


async def test_a_local_model_is_linked_to(
    puller: Puller, shelf: Shelf, target: Path
) -> None:
    fetched = await puller(str(shelf.root), target)

    assert tree_of(target).keys() == {"config.json", "empty.txt"}
    assert (target / "weights").readlink() == shelf.root / "weights"
    assert fetched.rung == "local"
    assert litter(target) == []
    await puller(f"file://{shelf.root}", target)


async def test_a_local_file_is_linked_to(
    puller: Puller, shelf: Shelf, target: Path
) -> None:
    await puller(str(shelf.root / "config.json"), target)

    assert (target / "config.json").readlink() == shelf.root / "config.json"


async def test_a_file_is_no_place_for_a_model(
    puller: Puller, shelf: Shelf, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(NotAllowed, match="is a file"):
        await puller(shelf.uri(), tmp_path / "file")
    with pytest.raises(NotAllowed, match="is a file, so"):
        await puller(shelf.uri(), tmp_path / "file" / "below")


async def test_a_link_to_nowhere_is_no_place_for_a_model(
    puller: Puller, shelf: Shelf, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    with pytest.raises(NotAllowed, match="is a link that leads nowhere"):
        await puller(shelf.uri(), tmp_path / "link")


async def test_the_cache_is_no_place_for_a_model(
    puller: Puller, shelf: Shelf, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"

    for place in (cache, cache / "snapshots" / "m"):
        with pytest.raises(NotAllowed, match="is in the cache"):
            await puller(shelf.uri(), place, cache_dir=str(cache))


async def test_where_no_folder_can_be_made_says_so(
    puller: Puller, shelf: Shelf
) -> None:
    with pytest.raises(AccessDenied, match="cannot be made"):
        await puller(shelf.uri(), Path("/proc/nowhere/model"))


async def test_a_uri_is_no_place_for_a_model(puller: Puller, shelf: Shelf) -> None:
    with pytest.raises(InvalidUri, match="the URI stands first"):
        await puller(shelf.uri(), Path("s3://bucket/model"))


async def test_a_place_that_may_not_be_written_says_so(
    puller: Puller, shelf: Shelf, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may write anywhere, so the kernel's answer is given for it.
    monkeypatch.setattr(os, "access", lambda *_: False)

    with pytest.raises(AccessDenied, match="may not be written by this user"):
        await puller(shelf.uri(), target)


async def test_one_pulls_to_a_folder_at_a_time(
    puller: Puller, shelf: Shelf, target: Path
) -> None:
    await asyncio.gather(*(puller(shelf.uri(), target) for _ in range(3)))

    assert tree_of(target) == shelf.tree
    assert litter(target) == []


def start(shelf: Shelf, plugin: Path, target: Path) -> Any:
    """Pull in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "inferry_storage", shelf.uri(), str(target)],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(plugin),
            "HOME": str(plugin),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_killed_pull_is_gone_on_from(
    puller: Puller, shelf: Shelf, shelf_plugin: Path, target: Path, number: int
) -> None:
    before = sorted(target.parent.iterdir())
    shelf.put("weights/one.bin", os.urandom(3_000_000))
    shelf.order("pause", "0.05")
    process = start(shelf, shelf_plugin, target)
    await asyncio.to_thread(shelf.wait_for, "weights/two.bin")
    process.send_signal(number)
    said = process.communicate(timeout=20)[1]
    visible = [path for path in target.parent.iterdir() if path.name[0] != "."]
    assert visible == before
    assert [name for name in tree_of(target) if name[0] != "."] == []
    if number == signal.SIGTERM:
        assert (process.returncode, said.count("\n")) == (143, 1)
    shelf.unorder("pause")

    await puller(shelf.uri(), target)

    assert tree_of(target) == shelf.tree
    assert litter(target) == []


@pytest.mark.parametrize("promise", ["digest", "none", "length"])
async def test_a_pull_that_died_while_it_placed_files_is_gone_on_from(
    puller: Puller,
    shelf: Shelf,
    tmp_path: Path,
    promise: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = tmp_path / "volumes" / "model"
    target.mkdir(parents=True)
    replace, count = Path.replace, 0

    def dying(self: Path, to: Path) -> Path:
        nonlocal count
        count += to.is_relative_to(target) and ".inferry" not in to.parts
        if count == 3:
            raise KeyboardInterrupt
        return replace(self, to)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", dying)
        with pytest.raises(KeyboardInterrupt):
            await puller(shelf.uri(f"?promise={promise}"), target)
    placed = [p for p in target.rglob("*") if p.is_file() and ".inferry" not in str(p)]
    assert len(placed) == 2
    shelf.put("more.bin", b"more")

    await puller(shelf.uri(f"?promise={promise}"), target)

    assert tree_of(target) == shelf.tree
    assert litter(target) == []
