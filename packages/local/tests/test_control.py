"""The control socket, and `LocalBackend` as its client."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from inferry.errors import BackendError, InvalidDocument
from inferry_local import _wire, control
from inferry_local.backend import LocalBackend
from inferry_local.control import ControlServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

PORT = 18080


@asynccontextmanager
async def serving(supervisor: Any, port: int = PORT) -> AsyncIterator[Path]:
    server = ControlServer(supervisor, {"pid": os.getpid()})
    path = await server.start(port)
    try:
        yield path
    finally:
        await server.stop()


@pytest.fixture
async def socket_path(supervisor: Any, runtime_folder: Path) -> AsyncIterator[Path]:
    async with serving(supervisor) as path:
        yield path


async def ask(path: Path, raw: bytes) -> tuple[int, Any]:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(raw)
    status = await _wire.read_status(reader)
    body = json.loads(await reader.read())
    writer.close()
    return status, body


def test_the_backend_imports_no_framework() -> None:
    import subprocess
    import sys

    code = "import inferry_local.backend, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )

    assert not {"ray", "rich", "numpy", "psutil", "yaml"} & set(done.stdout.split())


async def test_the_socket_is_its_owners_alone(socket_path: Path) -> None:
    mode = os.stat(socket_path).st_mode  # noqa: PTH116 - one call of a test

    assert stat.S_ISSOCK(mode)
    assert mode & 0o777 == 0o600


async def test_the_socket_is_gone_after_stop(
    supervisor: Any, runtime_folder: Path
) -> None:
    async with serving(supervisor) as path:
        pass

    assert not path.exists()


async def test_apply_get_and_delete(
    socket_path: Path,
    write_service: Callable[..., Path],
    make_status: Callable[..., Any],
) -> None:
    backend = LocalBackend()

    applied = await backend.apply([write_service("iris")])
    found = await backend.get("default", "iris")
    deleted = await backend.delete("default", "iris")

    assert [(one.name, one.action) for one in applied] == [("iris", "created")]
    assert found == [make_status("iris")]
    assert deleted.action == "deleted"
    assert await backend.get(None, None) == []


async def test_a_relative_path_is_below_the_folder_of_its_file(
    supervisor: Any, socket_path: Path, write_service: Callable[..., Path]
) -> None:
    file = write_service("iris")

    await LocalBackend().apply([file])

    model = supervisor.applied[0].spec.predictor.model
    assert model.storage_uri == str(file.parent / "model.onnx")


async def test_a_broken_file_is_refused_before_anything_is_sent(
    supervisor: Any, socket_path: Path, write_service: Callable[..., Path]
) -> None:
    good = write_service("iris")
    bad = write_service("x", file="bad.yaml", text="kind: Nothing\n")

    with pytest.raises(InvalidDocument) as raised:
        await LocalBackend().apply([good, bad])

    assert "bad.yaml:1" in raised.value.problems[0]
    assert supervisor.applied == []


async def test_the_server_validates_what_a_client_did_not(
    supervisor: Any, socket_path: Path
) -> None:
    body = {"documents": [{"file": "x.yaml", "document": {"kind": "Nothing"}}]}

    status, answer = await ask(
        socket_path, _wire.request_bytes("POST", "/v1/apply", body)
    )

    assert status == 422
    assert answer["problems"]
    assert supervisor.applied == []


@pytest.mark.parametrize("body", [None, [], {"documents": ["x"]}, {"documents": 1}])
async def test_an_apply_without_documents_is_refused(
    socket_path: Path, body: object
) -> None:
    raw = _wire.request_bytes("POST", "/v1/apply", body)

    assert (await ask(socket_path, raw))[0] == 422


async def test_an_error_of_the_supervisor_keeps_its_remedy(
    socket_path: Path, write_service: Callable[..., Path]
) -> None:
    with pytest.raises(BackendError) as raised:
        await LocalBackend().apply([write_service("refused")])

    assert raised.value.message == "the supervisor refuses"
    assert raised.value.remedy == "try another name"


async def test_a_crash_of_the_supervisor_tells_no_internals(
    socket_path: Path, write_service: Callable[..., Path], caplog: Any
) -> None:
    with pytest.raises(BackendError, match="the running instance failed; see its log"):
        await LocalBackend().apply([write_service("crash")])

    assert "RuntimeError" in caplog.text


async def test_logs_end_when_there_are_no_more(socket_path: Path) -> None:
    lines = LocalBackend().logs("default", "iris", follow=False, tail=2)

    assert [line async for line in lines] == ["iris-0: line 0", "iris-0: line 1"]


async def test_watch_yields_changes_and_ends_with_an_error_when_the_run_ends(
    supervisor: Any,
    runtime_folder: Path,
    make_status: Callable[..., Any],
    until: Callable[..., Any],
) -> None:
    seen: list[Any] = []
    async with serving(supervisor):
        watching = asyncio.create_task(_collect(LocalBackend(), seen))
        await until(lambda: supervisor.queues)
        supervisor.tell(make_status("other", "team"))
        supervisor.tell(make_status("iris"))
        await until(lambda: seen)

    with pytest.raises(BackendError, match="went away"):
        await watching
    assert [status.name for status in seen] == ["iris"]


async def _collect(backend: LocalBackend, seen: list[Any]) -> None:
    async for status in backend.watch("default"):
        seen.append(status)  # noqa: PERF401 - each is needed before the watch ends


async def test_a_client_that_leaves_ends_its_stream(
    supervisor: Any, socket_path: Path, until: Callable[..., Any]
) -> None:
    reader, writer = await asyncio.open_unix_connection(socket_path)
    writer.write(_wire.request_bytes("GET", "/v1/watch"))
    await _wire.read_status(reader)
    await until(lambda: supervisor.queues)

    writer.close()

    await until(lambda: not supervisor.queues)


async def test_instance_says_who_it_is(socket_path: Path) -> None:
    assert await LocalBackend().instance() == {"pid": os.getpid()}


async def test_nothing_running_says_how_to_start(runtime_folder: Path) -> None:
    with pytest.raises(BackendError) as raised:
        await LocalBackend().get(None, None)

    assert str(raised.value) == (
        "nothing is running; start it with `inferry run service.yaml`"
    )


async def test_several_instances_need_a_port(
    supervisor: Any, runtime_folder: Path
) -> None:
    async with serving(supervisor, 8080), serving(supervisor, 8081):
        with pytest.raises(BackendError, match="on the ports 8080, 8081; choose one"):
            await LocalBackend().get(None, None)

        assert await LocalBackend(port=8081).get(None, None) == []
        with pytest.raises(BackendError, match="nothing is running on port 9"):
            await LocalBackend(port=9).get(None, None)


async def test_a_second_run_on_the_same_port_is_refused(
    supervisor: Any, socket_path: Path
) -> None:
    with pytest.raises(BackendError, match="another `inferry run` serves port"):
        await ControlServer(supervisor, {}).start(PORT)

    assert await LocalBackend().get(None, None) == []


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"POST /v1/apply HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST /v1/apply HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /v1/apply HTTP/1.1\r\nContent-Length: 3\r\n\r\n{,}",
        b"POST /v1/apply HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * _wire.MAX_HEAD * 2,
    ],
)
async def test_what_is_no_request_is_refused(socket_path: Path, raw: bytes) -> None:
    assert (await ask(socket_path, raw))[0] == 400


async def test_an_unknown_path_is_not_found(socket_path: Path) -> None:
    raw = _wire.request_bytes("GET", "/v1/secrets")

    assert (await ask(socket_path, raw))[0] == 404


async def test_another_user_is_refused(
    socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control.os, "getuid", lambda: -2)

    reader, writer = await asyncio.open_unix_connection(socket_path)

    assert await _wire.read_status(reader) == 403
    writer.close()
