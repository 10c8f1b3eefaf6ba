"""`fetch` end to end: bound, downloaded once, or refused with nothing left behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from inferry.config import load_settings
from inferry.errors import ImplementationMissing, StorageError
from inferry.plugins import load_plugins
from inferry.storage import (
    AccessDenied,
    DiskFull,
    NoBackend,
    Source,
    Stalled,
    TooLarge,
    Unreachable,
    Unstable,
    Unverified,
)
from inferry_storage import Progress, fetch, fetch_model, release
from inferry_storage.cache import cleaning
from inferry_storage.cache.folder import Cache

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from conftest import Shelf, WebServer

    from inferry.config import Settings
    from inferry.plugins import Plugins
    from inferry_storage import Fetched

DATA = os.urandom(300_000)


def tree_of(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Fetching:
    """`fetch` with the settings of the test."""

    def __init__(self, plugins: Plugins, settings: Settings) -> None:
        self.plugins = plugins
        self.settings = settings
        self.told: list[Progress] = []

    async def __call__(self, uri: str) -> Path:
        return await fetch(
            Source(uri=uri),
            plugins=self.plugins,
            settings=self.settings,
            on_progress=self.told.append,
        )


@pytest.fixture
def get(plugins: Plugins, settings: Settings) -> Fetching:
    return Fetching(plugins, settings)


@pytest.fixture
def get_with(cache: Path) -> Any:
    def made(*more: str, **overrides: str) -> Fetching:
        local = {
            "cache_dir": str(cache),
            "allow_http": "true",
            "allow_networks": "127.0.0.0/8",
            **overrides,
        }
        settings = load_settings(
            environ={}, overrides={f"storage.{k}": v for k, v in local.items()}
        )
        return Fetching(
            load_plugins("local", settings, only=["storage", *more]), settings
        )

    return made


async def test_a_local_path_is_bound_not_copied(get: Fetching, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").touch()

    assert await get(str(tmp_path / "model.onnx")) == tmp_path / "model.onnx"
    assert entries(tmp_path) == ["model.onnx"]


async def test_a_url_is_downloaded_with_progress(get: Fetching, web: WebServer) -> None:
    web.files["/models/a.onnx"] = DATA

    folder = await get(web.url("/models/a.onnx?token=secret"))

    assert [path.name for path in folder.iterdir()] == ["a.onnx"]
    assert (folder / "a.onnx").read_bytes() == DATA
    assert (folder / "a.onnx").stat().st_mode & 0o777 == 0o444
    first, last = get.told[0], get.told[-1]
    assert (first.done_bytes, first.files_done) == (0, 0)
    assert (last.done_bytes, last.total_bytes) == (len(DATA), len(DATA))
    assert (last.files_done, last.files_total) == (1, 1)
    assert "secret" not in last.uri


async def test_an_unchanged_file_is_downloaded_once(
    get: Fetching, web: WebServer
) -> None:
    web.files["/a"] = DATA

    assert await get(web.url("/a")) == await get(web.url("/a"))
    assert web.count("GET") == 1


async def test_a_changed_file_is_downloaded_beside_the_old_one(
    get: Fetching, web: WebServer
) -> None:
    web.files["/a"] = DATA
    old = await get(web.url("/a"))
    web.files["/a"] = b"new"
    new = await get(web.url("/a"))

    assert (new / "a").read_bytes() == b"new"
    assert (old / "a").read_bytes() == DATA


async def test_many_at_once_make_one_download(get: Fetching, web: WebServer) -> None:
    web.files["/a"] = DATA

    paths = await asyncio.gather(*(get(web.url("/a")) for _ in range(5)))

    assert len(set(paths)) == 1
    assert web.count("GET") == 1


def test_several_processes_make_one_download(web: WebServer, cache: Path) -> None:
    web.files["/a"] = DATA
    code = (
        "import asyncio, sys; from inferry.config import load_settings;"
        "from inferry.plugins import load_plugins; from inferry.storage import Source;"
        "from inferry_storage import fetch; s = load_settings(environ={}, overrides={"
        "'storage.cache_dir': sys.argv[2], 'storage.allow_http': 'true',"
        "'storage.allow_networks': '127.0.0.0/8'});"
        "p = load_plugins('local', s, only=['storage']);"
        "print(asyncio.run(fetch(Source(uri=sys.argv[1]), plugins=p, settings=s)))"
    )
    command = [sys.executable, "-I", "-c", code, web.url("/a"), str(cache)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)
    ]

    printed = {process.communicate(timeout=60)[0] for process in running}

    assert len(printed) == 1
    assert web.count("GET") == 1


@pytest.fixture
def kept(
    shelf: Shelf, settings: Settings
) -> Callable[..., Coroutine[Any, Any, Fetched]]:
    """Return `fetch_model` with the shelf among the plugins."""
    plugins = load_plugins("local", settings, only=["storage", "shelf"])

    async def fetch_shelf(uri: str = "", **more: Any) -> Fetched:
        source = Source(uri=uri or shelf.uri(), **more)
        return await fetch_model(source, plugins=plugins, settings=settings)

    return fetch_shelf


async def test_a_folder_comes_whole_and_read_only(kept: Any, shelf: Shelf) -> None:
    fetched = await kept()

    assert tree_of(fetched.path) == shelf.tree
    assert (fetched.files, fetched.rung, fetched.cached) == (4, "digest", False)
    assert fetched.bytes == fetched.bytes_fetched == 270_002
    modes = {p.stat().st_mode & 0o777 for p in fetched.path.rglob("*") if p.is_file()}
    assert modes == {0o444}


async def test_the_second_fetch_reads_nothing(kept: Any, shelf: Shelf) -> None:
    first = await kept()
    read = len(shelf.reads)

    second = await kept()

    assert second.path == first.path
    assert (second.cached, second.bytes_fetched) == (True, 0)
    assert len(shelf.reads) == read


async def test_a_new_snapshot_reads_only_what_is_new(kept: Any, shelf: Shelf) -> None:
    old = await kept()
    shelf.put("config.json", b"{1}")
    read = len(shelf.reads)

    new = await kept()

    assert shelf.reads[read:] == ["config.json"]
    assert tree_of(new.path) == shelf.tree
    same = "weights/one.bin"
    assert (old.path / same).stat().st_ino == (new.path / same).stat().st_ino


async def test_an_id_that_is_known_sooner_is_enough(
    kept: Any, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    import inferry_shelf

    first = await kept()
    shelf.order("identify", first.snapshot)
    monkeypatch.delattr(inferry_shelf.Shelf, "resolve")

    again = await kept()

    assert (again.path, again.cached) == (first.path, True)


async def test_an_id_that_the_cache_has_not_is_resolved(
    kept: Any, shelf: Shelf
) -> None:
    shelf.order("identify", "unknown")

    assert tree_of((await kept()).path) == shelf.tree


@pytest.mark.parametrize("promise", ["digest", "none", "length"])
async def test_what_the_store_promises_is_told(
    kept: Any, shelf: Shelf, promise: str
) -> None:
    fetched = await kept(shelf.uri(f"?promise={promise}"))

    assert fetched.rung == {"digest": "digest", "none": "etag"}.get(promise, promise)


async def test_a_floor_above_what_was_verified_refuses_a_cached_tree(
    kept: Any, shelf: Shelf, get_with: Any
) -> None:
    await kept(shelf.uri("?promise=none"))

    with pytest.raises(Unverified, match="require"):
        await get_with("shelf", require="digest")(shelf.uri("?promise=none"))


async def test_a_tree_that_was_written_to_is_fetched_again(
    kept: Any, shelf: Shelf, cache: Path
) -> None:
    path = (await kept()).path
    (path / "config.json").chmod(0o600)
    (path / "config.json").write_bytes(b"{mine}")

    again = await kept()

    assert tree_of(again.path) == shelf.tree
    assert len(list((cache / "quarantine").iterdir())) == 1


async def test_a_source_that_never_holds_still_is_unstable(
    kept: Any, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    import inferry_shelf

    async def changing(self: Any, source: Source) -> Any:
        found = await resolve(self, source)
        shelf.put("config.json", os.urandom(8))
        return found

    resolve = inferry_shelf.Shelf.resolve
    monkeypatch.setattr(inferry_shelf.Shelf, "resolve", changing)

    with pytest.raises(Unstable, match="replaced 3 times"):
        await kept()


async def test_what_was_whole_is_not_read_again_when_the_source_is_replaced(
    kept: Any, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    import inferry_shelf

    async def changing(self: Any, source: Source) -> Any:
        found = await resolve(self, source)
        if not shelf.reads:
            shelf.put("weights/two.bin", os.urandom(70_001))
        return found

    resolve = inferry_shelf.Shelf.resolve
    monkeypatch.setattr(inferry_shelf.Shelf, "resolve", changing)

    fetched = await kept()

    assert tree_of(fetched.path) == shelf.tree
    assert shelf.reads.count("weights/one.bin") == 1


@pytest.mark.parametrize("kind", [AccessDenied, DiskFull])
async def test_an_error_that_stays_leaves_nothing(
    kept: Any, shelf: Shelf, cache: Path, kind: type[Exception]
) -> None:
    shelf.order("fail", kind.__name__)

    with pytest.raises(kind):
        await kept()

    assert list((cache / "partial").iterdir()) == []
    assert list((cache / "snapshots").iterdir()) == []


@pytest.mark.parametrize("failures", [1, 3, 4])
async def test_a_store_that_does_not_answer_is_asked_again(
    kept: Any, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    import inferry_shelf

    monkeypatch.setattr("inferry_storage.transfer.patience._BACKOFF", 0)
    left = failures
    resolve = inferry_shelf.Shelf.resolve

    async def failing(self: Any, source: Source) -> Any:
        nonlocal left
        left -= 1
        if left >= 0:
            raise Unreachable("503")
        return await resolve(self, source)

    monkeypatch.setattr(inferry_shelf.Shelf, "resolve", failing)

    if failures < 4:
        assert tree_of((await kept()).path) == shelf.tree
    else:
        with pytest.raises(Unreachable):
            await kept()


async def test_a_store_that_never_says_is_given_up(
    shelf: Shelf, get_with: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import inferry_shelf

    async def hanging(*_: Any) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(inferry_shelf.Shelf, "resolve", hanging)

    with pytest.raises(Stalled, match=r"within 0\.2 s"):
        await get_with("shelf", deadline_seconds="0.2")(shelf.uri())


async def test_a_cancelled_fetch_publishes_nothing_and_is_gone_on_from(
    kept: Any, shelf: Shelf, cache: Path
) -> None:
    shelf.order("pause", "0.02")
    task = asyncio.create_task(kept())
    await asyncio.to_thread(shelf.wait_for, "weights/one.bin")

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert list((cache / "snapshots").iterdir()) == []
    shelf.unorder("pause")
    assert tree_of((await kept()).path) == shelf.tree


async def test_what_is_refused_puts_nothing_out_of_the_cache(
    kept: Any, shelf: Shelf, get_with: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await kept()
    release(first.path)
    monkeypatch.setattr(cleaning, "_free", lambda _: 0)
    shelf.put("config.json", b"{1}")

    with pytest.raises(TooLarge):
        await get_with("shelf", max_bytes="1000")(shelf.uri())

    assert first.path.exists()


async def test_patterns_choose_files(shelf: Shelf, get_with: Any) -> None:
    path = await get_with("shelf", allow_patterns="*.bin,*.json")(shelf.uri())

    assert sorted(tree_of(path)) == [
        "config.json",
        "weights/one.bin",
        "weights/two.bin",
    ]


async def test_a_path_is_kept_until_it_is_released(
    kept: Any, settings: Settings, cache: Path
) -> None:
    fetched = await kept()
    folder = Cache(cache)

    assert cleaning.clean(folder, 0) == []
    release(fetched.path)
    assert [each.key for each in cleaning.clean(folder, 0)] == [
        fetched.path.parent.name
    ]
    assert not fetched.path.exists()


async def test_a_missing_extra_says_how_to_install_it(
    get: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: Any, **__: Any) -> None:
        raise ImplementationMissing(
            "storage: obstore is not installed",
            plugin="storage",
            distribution="inferry-storage",
            remedy="pip install 'inferry-storage[s3]'",
        )

    monkeypatch.setattr("inferry_storage.fetching.opening.resolve", missing)

    with pytest.raises(NoBackend, match=r"inferry-storage\[s3\]"):
        await get("/tmp")


async def test_an_unknown_scheme_names_those_that_there_are(get: Fetching) -> None:
    with pytest.raises(StorageError, match="the schemes here are abfs, ") as caught:
        await get("acme://key:secret@bucket/model")

    assert caught.value.reason == "StorageNotSupported"
    assert "secret" not in str(caught.value)


async def test_a_backend_that_breaks_is_named_without_what_it_said(
    get: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        msg = "token=secret"
        raise RuntimeError(msg)

    monkeypatch.setattr("inferry_storage.backends.file.FileStorage.resolve", broken)

    with pytest.raises(StorageError, match=r"'file' .* failed with R") as caught:
        await get("/tmp")

    assert "secret" not in str(caught.value)
