"""`fetch` end to end: bound, downloaded once, or refused with nothing left behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from inferry.config import load_settings
from inferry.errors import StorageError
from inferry.plugins import load_plugins
from inferry.storage import Source
from inferry_storage import Progress, fetch

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Handler, WebServer

    from inferry.config import Settings
    from inferry.plugins import Plugins

DATA = os.urandom(300_000)


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
    def made(**overrides: str) -> Fetching:
        local = {
            "cache_dir": str(cache),
            "allow_http": "true",
            "allow_networks": "127.0.0.0/8",
            **overrides,
        }
        settings = load_settings(
            environ={}, overrides={f"storage.{k}": v for k, v in local.items()}
        )
        return Fetching(load_plugins("local", settings, only=["storage"]), settings)

    return made


@pytest.fixture
def empty(cache: Path) -> Any:
    """Check that nothing was published and nothing half-finished is left."""

    def check() -> bool:
        return not any(
            any((cache / name).iterdir())
            for name in ("snapshots", "partial")
            if (cache / name).exists()
        )

    return check


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
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]

    printed = {process.communicate(timeout=60)[0] for process in running}

    assert len(printed) == 1
    assert web.count("GET") == 1


async def test_a_broken_connection_goes_on_where_it_stopped(
    get: Fetching, web: WebServer
) -> None:
    def answer(handler: Handler) -> None:
        whole = handler.command == "HEAD" or "Range" in handler.headers
        web.send(handler, DATA, cut=None if whole else 100_000)

    web.routes["/a"] = answer

    folder = await get(web.url("/a"))

    assert (folder / "a").read_bytes() == DATA
    ranges = [each["Range"] for each in web.headers if "Range" in each]
    assert ranges == ["bytes=100000-"]


async def test_without_a_validator_it_starts_again(
    get: Fetching, web: WebServer
) -> None:
    web.validators = False
    answers = iter([None, 100_000, None])

    def answer(handler: Handler) -> None:
        web.send(handler, DATA, cut=next(answers))

    web.routes["/a"] = answer

    folder = await get(web.url("/a"))

    assert (folder / "a").read_bytes() == DATA
    assert not any("Range" in each for each in web.headers)
    assert get.told[-1].done_bytes == len(DATA)


async def test_a_file_replaced_meanwhile_is_resolved_again(
    get: Fetching, web: WebServer
) -> None:
    answers = iter([b"old", b"newer", b"newer", b"newer"])

    def answer(handler: Handler) -> None:
        web.send(handler, next(answers))

    web.routes["/a"] = answer

    folder = await get(web.url("/a"))

    assert (folder / "a").read_bytes() == b"newer"


async def test_a_stalled_server_is_given_up(
    get: Fetching, web: WebServer, empty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferry_storage.transfer.download._ATTEMPTS", 1)

    def answer(handler: Handler) -> None:
        web.send(handler, DATA, cut=10)
        if handler.command == "GET":
            handler.wfile.flush()
            web.hang()

    web.routes["/a"] = answer
    started = time.monotonic()

    with pytest.raises(StorageError) as caught:
        await get(web.url("/a"))

    assert caught.value.reason == "StorageUnreachable"
    assert time.monotonic() - started < 10
    assert empty()


async def test_a_trickle_is_a_stall(
    get: Fetching, web: WebServer, empty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferry_storage.transfer.download._ATTEMPTS", 1)

    def answer(handler: Handler) -> None:
        web.send(handler, DATA, cut=1)
        if handler.command == "GET":
            for number in range(10):
                handler.wfile.write(DATA[number + 1 : number + 2])
                handler.wfile.flush()
                time.sleep(0.2)

    web.routes["/a"] = answer

    with pytest.raises(StorageError, match="stalled at"):
        await get(web.url("/a"))
    assert empty()


async def test_a_deadline_ends_a_download(
    get_with: Any, web: WebServer, empty: Any
) -> None:
    def answer(handler: Handler) -> None:
        web.send(handler, DATA, cut=1000)
        if handler.command == "GET":
            web.hang()

    web.routes["/a"] = answer

    with pytest.raises(StorageError, match=r"took longer than 0\.2 s"):
        await get_with(deadline_seconds="0.2")(web.url("/a"))
    assert empty()


async def test_what_is_too_large_is_refused_before_its_first_byte(
    get_with: Any, web: WebServer, empty: Any
) -> None:
    web.files["/a"] = DATA

    with pytest.raises(StorageError, match=r"raise \[storage\] max_bytes") as caught:
        await get_with(max_bytes="1000")(web.url("/a"))

    assert caught.value.reason == "StorageNotAllowed"
    assert web.count("GET") == 0
    assert empty()


async def test_what_grows_too_large_is_cut_off(
    get_with: Any, web: WebServer, empty: Any
) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        if handler.command == "GET":
            for _ in range(100):
                handler.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
            handler.wfile.write(b"0\r\n\r\n")

    web.routes["/a"] = answer

    with pytest.raises(StorageError, match="is larger than 2000 bytes"):
        await get_with(max_bytes="2000")(web.url("/a"))
    assert empty()


async def test_a_file_that_is_always_cut_off_is_never_published(
    get: Fetching, web: WebServer, empty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferry_storage.transfer.download._BACKOFF", 0)
    web.routes["/a"] = lambda handler: web.send(handler, DATA, cut=10)

    with pytest.raises(StorageError):
        await get(web.url("/a"))
    assert web.count("GET") == 4
    assert empty()


async def test_a_cancelled_download_leaves_nothing(
    get: Fetching, web: WebServer, empty: Any
) -> None:
    def answer(handler: Handler) -> None:
        web.send(handler, DATA, cut=1000)
        if handler.command == "GET":
            web.hang()

    web.routes["/a"] = answer
    task = asyncio.create_task(get(web.url("/a")))
    assert await asyncio.to_thread(web.asked.wait, 10)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert empty()


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
