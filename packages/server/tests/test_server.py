"""The server's own life: start, drain, stop."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from inferry.errors import BackendError
from inferry_server import ModelServer, ServerSettings

if TYPE_CHECKING:
    from serving import Serve, SpecOf


BODY = {"instances": [1]}
PATH = "/v1/models/m:predict"


async def test_a_taken_port_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = ModelServer(ServerSettings(http_port=port))
        with pytest.raises(
            BackendError, match=f"port {port} on 127.0.0.1 is taken; stop"
        ):
            await server.start()


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("127.0.0.1", 65536)])
async def test_an_address_that_cannot_be_had_says_so(host: str, port: int) -> None:
    with pytest.raises(BackendError, match="cannot listen on"):
        await ModelServer(ServerSettings(host=host, http_port=port)).start()


async def test_it_listens_on_ipv6_too() -> None:
    server = ModelServer(ServerSettings(host="::1", http_port=0))
    try:
        port = await server.start()
    except BackendError:
        pytest.skip("this machine has no IPv6 loopback")
    async with httpx.AsyncClient(trust_env=False) as client:
        reply = await client.get(f"http://[::1]:{port}/v2/health/live")
    await server.stop()
    assert reply.status_code == 200


async def test_it_installs_no_signal_handlers(serve: Serve, spec: SpecOf) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with serve(spec("Iris")):
        assert before == (
            signal.getsignal(signal.SIGTERM),
            signal.getsignal(signal.SIGINT),
        )


async def test_the_port_is_free_again_after_stop(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Iris")) as (_, client):
        port = client.base_url.port
        assert (await client.get("/")).status_code == 200
    async with serve(spec("Iris"), http_port=port) as (_, client):
        assert (await client.get("/")).status_code == 200


async def test_drain_finishes_what_is_in_flight_and_accepts_for_a_while(
    serve: Serve, spec: SpecOf
) -> None:
    settings = {"drain_delay": 0.4, "drain_timeout": 5}
    async with serve(spec("Slow", options={"seconds": 0.6}), **settings) as (
        server,
        client,
    ):
        first = asyncio.create_task(client.post(PATH, json=BODY))
        await asyncio.sleep(0.1)
        draining = asyncio.create_task(server.drain())
        await asyncio.sleep(0.1)
        assert (await client.get("/v2/health/ready")).status_code == 503
        assert (await client.get("/v2/health/live")).status_code == 200
        late = asyncio.create_task(client.post(PATH, json=BODY))
        replies = await asyncio.gather(first, late)
        assert [reply.status_code for reply in replies] == [200, 200]
        assert replies[1].headers["connection"] == "close"
        await draining
        with pytest.raises(httpx.TransportError):
            await client.get("/v2/health/live")


async def test_drain_has_an_end(serve: Serve, spec: SpecOf) -> None:
    what = spec("SlowAsync", options={"seconds": 60})
    async with serve(what, drain_timeout=0.3) as (server, client):
        asking = asyncio.create_task(client.post(PATH, json=BODY))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await server.drain()
        assert time.monotonic() - began < 3
        reply = await asking
        assert reply.status_code == 503
        assert reply.json() == {"error": "the server stops"}


async def test_stop_without_start_is_fine() -> None:
    await ModelServer(ServerSettings()).stop()


def test_it_runs_inside_a_plain_asyncio_loop(spec: SpecOf) -> None:
    async def once() -> dict[str, bool]:
        server = ModelServer(ServerSettings(http_port=0))
        port = await server.start()
        await server.load(spec("Iris"))
        async with httpx.AsyncClient(trust_env=False) as client:
            reply = await client.get(f"http://127.0.0.1:{port}/v2/health/ready")
        await server.stop()
        return reply.json()

    assert asyncio.run(once()) == {"ready": True}


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop is for POSIX")
def test_it_runs_inside_a_uvloop_loop(spec: SpecOf) -> None:
    import uvloop

    async def once() -> dict[str, bool]:
        server = ModelServer(ServerSettings(http_port=0))
        port = await server.start()
        await server.load(spec("Iris"))
        async with httpx.AsyncClient(trust_env=False) as client:
            reply = await client.get(f"http://127.0.0.1:{port}/v2/health/ready")
        await server.stop()
        return reply.json()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(once()) == {"ready": True}


async def test_stop_cuts_a_drain_short(serve: Serve, spec: SpecOf) -> None:
    what = spec("SlowAsync", options={"seconds": 60})
    async with serve(what, drain_timeout=60) as (server, client):
        asking = asyncio.create_task(client.post(PATH, json=BODY))
        await asyncio.sleep(0.1)
        draining = asyncio.create_task(server.drain())
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await server.stop()
        await draining
        assert time.monotonic() - began < 5
        assert (await asking).status_code == 503


async def test_stop_does_not_wait_for_a_call_that_cannot_be_stopped(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Slow", options={"seconds": 8})) as (server, client):
        model = server.models.get("m").instance
        asking = asyncio.create_task(client.post(PATH, json=BODY))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await server.stop()
        assert time.monotonic() - began < 5
        assert (await asking).status_code == 503
        assert not model.unloaded
