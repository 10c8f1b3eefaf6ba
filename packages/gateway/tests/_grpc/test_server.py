"""The gRPC server behind the gateway: started when needed, private, gone at the end."""

from __future__ import annotations

import asyncio
import contextlib
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from grpc import aio
from hpack import Encoder

from inferry.errors import BackendError
from inferry_gateway import Gateway, GatewaySettings
from inferry_gateway._grpc.messages import text

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime folder of this test, with a path as short as a socket needs."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


def inside(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_nothing_starts_before_somebody_speaks_http_2(
    calls: Any, runtime: Path
) -> None:
    await calls.serve(await calls.replica())
    await calls.world.ask("GET", "/v2/health/live", Host="x")
    assert inside(runtime) == []
    await calls.infer(calls.channel())
    assert len(inside(runtime)) == 1


async def test_its_socket_is_where_only_this_user_gets_and_goes_with_it(
    calls: Any, runtime: Path
) -> None:
    gateway = await calls.serve(await calls.replica())
    await calls.infer(calls.channel())
    (folder,) = inside(runtime)
    assert folder.stat().st_mode & 0o777 == 0o700
    await gateway.stop()
    assert inside(runtime) == []


async def test_a_folder_whose_path_is_too_long_is_not_used(
    calls: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    await calls.serve(await calls.replica())
    await calls.infer(calls.channel())
    assert inside(long) == []


async def test_a_server_that_cannot_start_is_said_and_tried_again(
    calls: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full() -> Path:
        raise OSError(28, "No space left on device")

    await calls.serve(await calls.replica())
    with monkeypatch.context() as broken:
        broken.setattr("inferry_gateway._grpc.server._private_folder", full)
        client = await calls.world.client()
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert b"the gateway cannot serve gRPC; see its log" in await client.rest()
    assert "No space left on device" in caplog.text
    assert await calls.infer(calls.channel()) == text(1, "iris")


async def test_a_port_of_its_own_takes_calls_too(calls: Any, unused_port: int) -> None:
    replica = await calls.replica()
    await calls.serve(replica, settings={"grpc_port": unused_port})
    await calls.infer(calls.channel(port=unused_port))
    await calls.infer(calls.channel())
    assert replica.started == 2


async def test_a_taken_grpc_port_is_an_error_that_names_its_setting(
    calls: Any, unused_port: int
) -> None:
    await calls.serve(await calls.replica())
    second = Gateway(GatewaySettings(port=unused_port, grpc_port=calls.world.port))
    with pytest.raises(BackendError, match=r"--set gateway\.grpc_port=PORT"):
        await second.start()
    third = Gateway(GatewaySettings(port=unused_port))
    await third.start()
    await third.stop()


async def test_many_calls_at_once_all_get_their_own_answer(calls: Any) -> None:
    replicas = [await calls.replica() for _ in range(2)]
    gateway = await calls.serve(*replicas, slots=4)
    channels = [calls.channel() for _ in range(4)]
    work = [calls.infer(channels[n % 4], do=str(n)) for n in range(200)]
    answers = await asyncio.gather(*(_result(call) for call in work))
    assert answers == [text(1, "iris") + text(9, str(n)) for n in range(200)]
    report = gateway.report()["default/iris"]
    assert (report["requests"], report["in_flight"], report["waiting"]) == (200, 0, 0)


async def test_calls_that_are_given_up_leave_no_trace(calls: Any) -> None:
    replicas = [await calls.replica() for _ in range(2)]
    gateway = await calls.serve(*replicas, slots=3)
    channel = calls.channel()
    chance = random.Random(7)

    async def one(number: int) -> None:
        do = "!wait" if number % 3 == 0 else ""
        call = calls.infer(channel, do=do, timeout=chance.choice((0.02, 0.2, 5)))
        await asyncio.sleep(chance.random() / 10)
        if number % 2:
            call.cancel()
        with contextlib.suppress(aio.AioRpcError, asyncio.CancelledError):
            await call

    work = asyncio.gather(*(one(number) for number in range(150)))
    await asyncio.sleep(0.3)
    for replica in replicas:
        replica.gate.set()
    await work
    await calls.world.until(lambda: gateway.report()["default/iris"]["in_flight"] == 0)
    report = gateway.report()["default/iris"]
    assert report["waiting"] == 0
    assert gateway._grpc_server.held_bytes == 0
    assert await calls.infer(channel) == text(1, "iris")


async def test_who_never_reads_an_answer_is_disconnected(calls: Any) -> None:
    replica = await calls.replica()
    gateway = await calls.serve(replica, settings={"write_timeout": 0.3})
    client = await calls.world.client()
    fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/inference.GRPCInferenceService/ModelInfer"),
        (":authority", "x"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]
    request = text(1, "iris") + text(9, "!big")
    message = b"\0" + len(request).to_bytes(4, "big") + request
    window = (2**31 - 1).to_bytes(4, "big")
    client.send(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + frame(4, b"\0\4" + window)
        + frame(8, (2**30).to_bytes(4, "big"))
        + frame(1, Encoder().encode(fields), 0x4, 1)
        + frame(0, message, 0x1, 1)
    )
    await calls.world.until(lambda: replica.started)
    await calls.world.until(lambda: gateway.connections == 0)
    await calls.world.until(lambda: gateway.report()["default/iris"]["in_flight"] == 0)


def frame(kind: int, payload: bytes, flags: int = 0, stream: int = 0) -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags))
    return head + stream.to_bytes(4, "big") + payload


async def test_channels_to_replicas_close_when_they_go(calls: Any) -> None:
    replica = await calls.replica()
    gateway = await calls.serve(replica)
    await calls.infer(calls.channel())
    (server,) = [gateway._grpc_server]
    assert len(server._channels) == 1
    gateway.update([])
    await calls.world.until(lambda: not server._channels)


def test_whoever_speaks_http_only_pays_nothing_for_grpc() -> None:
    code = (
        "import sys, inferry_gateway._gateway;"
        "found = {'grpc', 'inferry_gateway._grpc'} & set(sys.modules);"
        "sys.exit(' '.join(found) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")


async def _result(call: Any) -> Any:
    return await call
