"""What no well-behaved client sends, byte by byte, over both lanes."""

from __future__ import annotations

import asyncio
import re
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx
    from serving import Serve, SpecOf

BODY = b'{"instances": [[1, 2, 3, 4]]}'
PATH = b"/v1/models/m:predict"
LIVE = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
LENGTH = b"Content-Length: %d" % len(BODY)


def post(*headers: bytes, body: bytes = BODY, path: bytes = PATH) -> bytes:
    """Return a request as it stands on the wire."""
    lines = [b"POST " + path + b" HTTP/1.1", b"Host: x", *headers]
    return b"\r\n".join([*lines, b"", b""]) + body


def chunks(*, size: bytes = b"%x" % len(BODY), end: bytes = b"\r\n") -> bytes:
    """Return the body in one chunk, and what ends it."""
    return size + b"\r\n" + BODY + b"\r\n0\r\n" + end


#: Each with the statuses of all answers; a request is hidden behind most.
SHAPES: dict[str, tuple[bytes, list[int]]] = {
    "length and chunked": (post(LENGTH, CHUNKED, body=chunks()) + LIVE, [400]),
    "chunked and length": (post(CHUNKED, LENGTH, body=chunks()) + LIVE, [400]),
    "length twice": (post(LENGTH, LENGTH) + LIVE, [400]),
    "two lengths": (post(LENGTH, b"Content-Length: 0") + LIVE, [400]),
    "list of lengths": (post(b"Content-Length: 29, 29") + LIVE, [400]),
    "signed length": (post(b"Content-Length: +29") + LIVE, [400]),
    "negative length": (post(b"Content-Length: -1") + LIVE, [400]),
    "length in hex": (post(b"Content-Length: 0x1d") + LIVE, [400]),
    "endless length": (post(b"Content-Length: 99999999999999999999"), [400]),
    "space before colon": (post(b"Content-Length : 29") + LIVE, [400]),
    "folded header": (post(b"X-A: b", b" c: d", LENGTH) + LIVE, [400]),
    "folded length": (post(b"Content-Length: 2", b" 9") + LIVE, [400]),
    "lines without CR": (post(LENGTH).replace(b"\r\n", b"\n") + LIVE, [400]),
    "header without CR": (post(b"X: y\n" + LENGTH) + LIVE, [400]),
    "header with CR": (post(b"X: y\rContent-Length: 0", LENGTH) + LIVE, [400]),
    "zero byte": (post(b"X: a\0b", LENGTH) + LIVE, [400]),
    "zero byte in path": (post(LENGTH, path=b"/v1/models/\0:predict") + LIVE, [400]),
    "unknown coding": (post(b"Transfer-Encoding: x", body=chunks()) + LIVE, [501]),
    "coding twice": (post(CHUNKED, CHUNKED, body=chunks()) + LIVE, [400]),
    "gzip and chunked": (
        post(b"Transfer-Encoding: gzip, chunked", body=chunks()) + LIVE,
        [501],
    ),
    "no chunk": (post(CHUNKED, body=BODY), [400]),
    "negative chunk": (post(CHUNKED, body=chunks(size=b"-1")), [400]),
    "chunk over 64 bits": (post(CHUNKED, body=chunks(size=b"f" * 17)), [400]),
    "chunk without CR": (post(CHUNKED, body=chunks().replace(b"\r", b"")), [400]),
    "chunk extension": (
        post(CHUNKED, body=chunks(size=b"1d;a=b;c")) + LIVE,
        [200, 200],
    ),
    "no host": (LIVE.replace(b"Host: x\r\n", b""), [400]),
    "no host in the lane": (post(LENGTH).replace(b"Host: x\r\n", b""), [400]),
    "two hosts": (LIVE.replace(b"Host", b"Host: y\r\nHost"), [400]),
    "two hosts in the lane": (post(b"Host: y", LENGTH), [400]),
    "no host in 1.0": (b"GET /v2/health/live HTTP/1.0\r\n\r\n", [200]),
    "whole url": (
        post(LENGTH, path=b"http://x" + PATH) + LIVE,
        [200, 200],
    ),
    "dots": (post(LENGTH, path=b"/v1/x/../models/m:predict") + LIVE, [404, 200]),
    "request in a body": (
        post(b"Content-Length: %d" % len(LIVE), body=LIVE) + LIVE,
        [400, 200],
    ),
    "request in a refused body": (
        post(b"Content-Length: %d" % len(LIVE), body=LIVE, path=b"/v1/x") + LIVE,
        [404, 200],
    ),
    "answer before the error": (post(LENGTH) + b"\0", [200]),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), [400]),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
}


async def sent(client: httpx.AsyncClient, data: bytes, *, half: bool = False) -> bytes:
    """Send *data*; return what comes within half a second, or until the end."""
    reader, writer = await asyncio.open_connection(
        client.base_url.host, client.base_url.port
    )
    writer.write(data)
    if half:
        writer.write_eof()
    got = b""
    try:
        async with asyncio.timeout(5 if half else 0.5):
            while piece := await reader.read(65536):
                got += piece
    except (TimeoutError, ConnectionResetError):
        pass
    finally:
        writer.close()
    return re.sub(rb"date: [^\r]*\r\n", b"", got)


def statuses(answer: bytes) -> list[int]:
    """Return the statuses of all answers in *answer*."""
    return [int(found) for found in re.findall(rb"HTTP/1.1 (\d{3})", answer)]


async def test_nothing_is_smuggled_and_both_lanes_agree(
    serve: Serve, spec: SpecOf
) -> None:
    async with (
        serve(spec("Iris")) as (server, fast),
        serve(spec("Iris"), fast_lane=False) as (_, usual),
    ):
        answers = await asyncio.gather(
            *(sent(to, shape) for shape, _ in SHAPES.values() for to in (fast, usual))
        )
        got = dict(
            zip(SHAPES, zip(answers[::2], answers[1::2], strict=True), strict=True)
        )
        assert {name: statuses(pair[0]) for name, pair in got.items()} == {
            name: expected for name, (_, expected) in SHAPES.items()
        }
        assert [name for name, (one, other) in got.items() if one != other] == []
        assert sum(server.statistics.in_flight.values()) == 0


@pytest.mark.parametrize("lane", [True, False])
async def test_what_follows_a_body_does_not_pass_for_headers(
    serve: Serve, spec: SpecOf, *, lane: bool
) -> None:
    trailer = b"X-Request-Id: hidden\r\nX-Tenant: other\r\n\r\n"
    async with serve(
        spec("Headers"), fast_lane=lane, forwarded_headers=("x-tenant",)
    ) as (_, client):
        got = await sent(client, post(CHUNKED, body=chunks(end=trailer)))
    assert got.startswith(b"HTTP/1.1 200 ")
    assert b"hidden" not in got
    assert b"other" not in got


@pytest.mark.parametrize("lane", [True, False])
async def test_a_client_that_sends_no_more_gets_what_is_quick(
    serve: Serve, spec: SpecOf, *, lane: bool
) -> None:
    specs = spec("Iris"), spec("SlowAsync", name="slow", options={"seconds": 30})
    models = LIVE.replace(b"health/live", b"models")
    slow = post(LENGTH, path=b"/v1/models/slow:predict")
    async with serve(*specs, fast_lane=lane) as (server, client):
        for _ in range(3):
            for data, count in ((post(LENGTH), 1), (models, 1), (LIVE * 3, 3)):
                got = await sent(client, data, half=True)
                assert statuses(got) == [200] * count
        assert await sent(client, slow, half=True) == b""
        await asyncio.sleep(0.05)
        assert sum(server.statistics.in_flight.values()) == 0


@pytest.mark.parametrize("lane", [True, False])
async def test_a_head_that_trickles_in_has_an_end(
    serve: Serve, spec: SpecOf, *, lane: bool
) -> None:
    async with serve(spec("Iris"), fast_lane=lane, read_timeout=0.3) as (_, client):
        reader, writer = await asyncio.open_connection(
            client.base_url.host, client.base_url.port
        )
        ended = asyncio.ensure_future(reader.read())
        for byte in LIVE:
            writer.write(bytes([byte]))
            await asyncio.wait({ended}, timeout=0.05)
            if ended.done():
                break
        assert ended.done()
        writer.close()


@pytest.mark.parametrize("lane", [True, False])
async def test_a_client_that_reads_nothing_is_cut_off(
    serve: Serve, spec: SpecOf, *, lane: bool
) -> None:
    text = b'{"instances": ["%b"]}' % (b"x" * 12_000_000)
    async with serve(spec("Echo"), fast_lane=lane, read_timeout=0.3) as (
        server,
        client,
    ):
        loop = asyncio.get_running_loop()
        with socket.socket() as lazy:
            lazy.settimeout(0)
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await loop.sock_connect(lazy, ("127.0.0.1", server.ports.http))
            length = b"Content-Length: %d" % len(text)
            await loop.sock_sendall(lazy, post(length, body=text))
            await asyncio.sleep(1.5)
            got = 0
            while piece := await loop.sock_recv(lazy, 1 << 20):
                got += len(piece)
            assert 0 < got < len(text)
        assert (await client.get("/v2/health/live")).status_code == 200
