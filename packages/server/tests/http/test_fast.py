"""Lane 0 against the usual way: the same bytes in, the same bytes out."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from inferry_server.http.fast import FastProtocol
from inferry_server.http.listener import is_plain
from inferry_server.settings import ServerSettings

if TYPE_CHECKING:
    import httpx
    from serving import Serve, SpecOf

    from inferry_server.calls import Call
    from inferry_server.http.routes import Route

ROW = {"name": "input", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}
V2 = json.dumps({"id": "7", "inputs": [ROW]}).encode()
V1 = b'{"instances": [[1, 2, 3, 4]]}'
TEXT = json.dumps(
    {
        "inputs": [
            {"name": "t", "datatype": "BYTES", "shape": [1], "data": ["x" * 70000]}
        ]
    }
).encode()
ROWS = json.dumps(
    {"inputs": [{**ROW, "shape": [500, 4], "data": [1, 2, 3, 4] * 500}]}
).encode()
LAST = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def post(path: str, body: bytes, *headers: str, version: str = "1.1") -> bytes:
    """Return a request as it stands on the wire."""
    lines = [
        f"POST {path} HTTP/{version}",
        "Host: x",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def binary(count: int) -> bytes:
    """Return a request for the model ``echo`` with *count* raw FP32 values."""
    parameters = {"binary_data_size": 4 * count}
    tensor = {"name": "x", "datatype": "FP32", "shape": [count]}
    head = json.dumps(
        {
            "inputs": [{**tensor, "parameters": parameters}],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    header = f"Inference-Header-Content-Length: {len(head)}"
    data = np.arange(count, dtype=np.float32).tobytes()
    return post("/v2/models/echo/infer", head + data, header)


REQUESTS = {
    "v2": post("/v2/models/m/infer", V2),
    "version": post("/v2/models/m/versions/1/infer", V2),
    "v1": post("/v1/models/m:predict", V1),
    "id": post("/v2/models/m/infer", V2, "X-Request-Id: abc"),
    "keep-alive": post("/v2/models/m/infer", V2, "Connection: keep-alive"),
    "close": post("/v2/models/m/infer", V2, "Connection: close"),
    "http-1.0": post("/v2/models/m/infer", V2, version="1.0"),
    "http-1.0-keep": post(
        "/v2/models/m/infer", V2, "Connection: keep-alive", version="1.0"
    ),
    "twice": post("/v2/models/m/infer", V2) * 2,
    "three-ways": post("/v2/models/m/infer", V2)
    + b"GET /v2/models/m HTTP/1.1\r\nHost: x\r\n\r\n"
    + post("/v1/models/m:predict", V1),
    "slow-then-quick": post("/v1/models/slow:predict", V1)
    + post("/v2/models/m/infer", V2),
    "slow-twice": post("/v1/models/slow:predict", V1) * 2,
    "binary": binary(10),
    "quick-v2": post("/v2/models/quick/infer", V2) * 3,
    "quick-v1": post("/v1/models/quick:predict", V1) * 3,
    "quick-explained": post("/v1/models/quick:explain", V1),
    "quick-id": post("/v2/models/quick/infer", V2, "X-Request-Id: abc"),
    "quick-error": post("/v2/models/quick/infer", V2.replace(b"[1, 2", b"[-1, 2")),
    "quick-large": post("/v2/models/quick/infer", V2 + b" " * 300_000),
    "quick-wants-gzip": post("/v2/models/quick/infer", ROWS, "Accept-Encoding: gzip"),
    "large-binary": binary(200_000),
    "large-binary-twice": binary(200_000) * 2,
    "large-text": post("/v2/models/echo/infer", TEXT),
    "gzip": post(
        "/v2/models/m/infer", gzip.compress(V2, mtime=0), "Content-Encoding: gzip"
    ),
    "wants-gzip": post("/v2/models/echo/infer", TEXT, "Accept-Encoding: gzip"),
    "expect": post("/v2/models/m/infer", V2, "Expect: 100-continue"),
    "upgrade": post("/v2/models/m/infer", V2, "Connection: Upgrade", "Upgrade: h2c"),
    "query": post("/v2/models/m/infer?a=b", V2),
    "percent": post("/v2/models/%6D/infer", V2),
    "slash": post("/v2/models/m/infer/", V2),
    "empty": post("/v2/models/m/infer", b""),
    "no-json": post("/v2/models/m/infer", b"{"),
    "wrong-shape": post("/v2/models/m/infer", V2.replace(b"[1, 4]", b"[1, 5]")),
    "unknown-model": post("/v2/models/nobody/infer", V2),
    "unknown-version": post("/v2/models/m/versions/9/infer", V2),
    "raises": post("/v1/models/raises:predict", V1),
    "input-error": post("/v1/models/refuses:predict", V1),
    "bad-header-length": post(
        "/v2/models/m/infer", V2, "Inference-Header-Content-Length: x"
    ),
    "long-header-length": post(
        "/v2/models/m/infer", V2, "Inference-Header-Content-Length: 999"
    ),
    "too-large": post("/v2/models/m/infer", b" " * 3_000_001),
    "get": b"GET /v2/models/m/infer HTTP/1.1\r\nHost: x\r\n\r\n",
    "chunked": b"POST /v1/models/m:predict HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n1d\r\n" + V1 + b"\r\n0\r\n\r\n",
}
#: After these the server closes, and what still comes would cut its answer off.
CLOSED = {"close", "http-1.0", "http-1.0-keep", "too-large"}


async def answers(client: httpx.AsyncClient, request: bytes, piece: int) -> bytes:
    """Send *request* in pieces; return all that comes, without what differs by time."""
    reader, writer = await asyncio.open_connection(
        client.base_url.host, client.base_url.port
    )
    try:
        for at in range(0, len(request), piece):
            writer.write(request[at : at + piece])
            await writer.drain()
            if piece < len(request):
                await asyncio.sleep(0.001)
        got = await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()
    got = re.sub(rb"date: [^\r]*\r\n", b"", got)
    return re.sub(rb"id [0-9a-f]{16}", b"id X", got)


@pytest.fixture
async def lanes(
    serve: Serve, spec: SpecOf
) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    """Serve the same models with lane 0 and without."""
    specs = [
        spec("Iris", name="m"),
        spec("Echo", name="echo"),
        spec("Quick", name="quick"),
        spec("Slow", name="slow", options={"seconds": 0.05}),
        spec("Raises", name="raises", options={"predict": "value"}),
        spec("Raises", name="refuses", options={"predict": "input"}),
    ]
    limit = 3_000_000
    async with (
        serve(*specs, max_body_bytes=limit) as (_, fast),
        serve(*specs, max_body_bytes=limit, fast_lane=False) as (_, usual),
    ):
        for client in (fast, usual):
            for body in [V2] * 20 + [ROWS] * 8:  # until it is called inline
                await client.post("/v2/models/quick/infer", content=body)
        yield fast, usual


@pytest.mark.parametrize("name", REQUESTS)
async def test_lanes_answer_byte_for_byte_alike(
    lanes: tuple[httpx.AsyncClient, httpx.AsyncClient], name: str
) -> None:
    request = REQUESTS[name] + LAST
    size = len(request)
    pieces = {size}
    if name not in CLOSED:
        pieces |= {100_000, 1000} if size > 100_000 else {37, size - len(LAST)}
    fast, usual = lanes
    expected = await answers(usual, request, size)
    assert expected.startswith(b"HTTP/1.1 ")
    for piece in pieces:
        assert await answers(fast, request, piece) == expected, piece
        assert await answers(fast, request, piece) == expected, "the second time"


async def test_quick_models_are_answered_in_the_lane(
    serve: Serve, spec: SpecOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this file compares is the lane, not the usual way twice."""
    answered: list[str] = []
    answer = FastProtocol._answer

    def note(
        self: FastProtocol, call: Call, route: Route, body: memoryview, held: int
    ) -> None:
        answered.append(route.kind)
        answer(self, call, route, body, held)

    monkeypatch.setattr(FastProtocol, "_answer", note)
    async with serve(spec("Iris")) as (_, client):
        for _ in range(3):
            reply = await client.post("/v2/models/m/infer", content=V2)
            assert reply.status_code == 200
        await client.get("/v2/health/live")
    assert answered == ["infer"] * 3


async def test_a_client_that_leaves_at_once_leaves_nothing_behind(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Slow", options={"seconds": 0.01})) as (server, client):
        for _ in range(20):
            host, port = client.base_url.host, client.base_url.port
            _, writer = await asyncio.open_connection(host, port)
            writer.write(post("/v1/models/m:predict", V1))
            writer.transport.abort()
        await asyncio.sleep(0.5)
        assert sum(server.statistics.in_flight.values()) == 0
        assert server.models.get("m").execution.running == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"api_keys": "keys.txt"},
        {"jwt_keys": "jwks.json"},
        {"middleware": ("module:attribute",)},
        {"tracing": True},
        {"fast_lane": False},
    ],
)
def test_the_lane_is_off_where_something_must_see_each_request(
    settings: dict[str, object],
) -> None:
    assert not is_plain(ServerSettings(**settings))
    assert is_plain(ServerSettings())


@pytest.mark.parametrize("lane", [True, False])
async def test_a_wish_for_http_2_does_not_lose_the_body(
    serve: Serve, spec: SpecOf, *, lane: bool
) -> None:
    async with serve(spec("Iris"), fast_lane=lane) as (_, client):
        headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c"}
        reply = await client.post("/v2/models/m/infer", content=V2, headers=headers)
        assert (reply.status_code, reply.json()["id"]) == (200, "7")


async def test_a_body_that_stalls_is_told_and_closed(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Iris"), read_timeout=0.2) as (_, client):
        for size in (50, 200_000):
            got = await answers(
                client, post("/v2/models/m/infer", b" " * size)[:-1], size
            )
            assert got.startswith(b"HTTP/1.1 408 ")
            assert b"did not arrive in time" in got


@pytest.mark.parametrize("lane", [True, False])
async def test_a_head_without_end_is_refused(
    serve: Serve, spec: SpecOf, *, lane: bool
) -> None:
    async with serve(spec("Iris"), max_header_bytes=4096, fast_lane=lane) as (
        _,
        client,
    ):
        head = b"POST /v2/models/m/infer HTTP/1.1\r\nX-Long: " + b"x" * 8000
        got = await answers(client, head, len(head))
        assert got.startswith(b"HTTP/1.1 431 ")
        assert b"over the limit of 4096 bytes" in got


async def test_an_idle_connection_is_closed(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Iris"), keep_alive_timeout=0.2) as (_, client):
        got = await answers(client, post("/v2/models/m/infer", V2), 10_000)
        assert got.startswith(b"HTTP/1.1 200 ")


async def test_too_many_connections_are_told(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Iris"), max_connections=1) as (_, client):
        host, port = client.base_url.host, client.base_url.port
        _, writer = await asyncio.open_connection(host, port)
        await asyncio.sleep(0.05)
        got = await answers(client, LAST, 1000)
        assert got.startswith(b"HTTP/1.1 503 ")
        assert b"has 1 connections already" in got
        writer.close()
