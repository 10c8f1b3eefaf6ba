"""Bodies within limits, over raw connections where a client library would interfere."""

from __future__ import annotations

import asyncio
import gzip
import json
import resource
import time
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from serving import Serve, SpecOf


ROW = {"name": "input", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}
MIB = 1024 * 1024


async def connect(
    client: httpx.AsyncClient,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(client.base_url.host, client.base_url.port)


async def exchange(client: httpx.AsyncClient, request: bytes) -> bytes:
    """Send *request* as it is and return all that comes until the server closes."""
    reader, writer = await connect(client)
    writer.write(request)
    await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


def post(*headers: Any, body: Any = b"") -> bytes:
    head = "\r\n".join(["POST /v2/models/m/infer HTTP/1.1", "Host: x", *headers])
    return head.encode() + b"\r\n\r\n" + body


async def test_a_body_that_announces_too_much_is_refused_at_once(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Iris"), max_body_bytes=1000) as (_, client):
        answer = await exchange(client, post("Content-Length: 1001"))
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in answer.lower()
        assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {
            "error": "the request body is over the limit of 1000 bytes; send less at "
            "once, or raise max_body_bytes of the server"
        }


async def test_a_chunked_body_is_counted(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Iris"), max_body_bytes=1000) as (_, client):
        chunk = b"100\r\n" + b" " * 256 + b"\r\n"
        answer = await exchange(
            client, post("Transfer-Encoding: chunked", body=chunk * 4)
        )
        assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_chunked_body_within_the_limit_is_read(
    serve: Serve, spec: SpecOf
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        text = json.dumps({"inputs": [ROW]}).encode()
        for at in range(0, len(text), 7):
            yield text[at : at + 7]

    async with serve(spec("Iris")) as (_, client):
        answer = await client.post("/v2/models/m/infer", content=pieces())
        assert answer.status_code == 200


async def test_a_large_upload_that_is_refused_takes_no_memory(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Iris"), max_body_bytes=MIB) as (_, client):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(256):
                yield bytes(MIB)

        # A client that sends on for long is cut off and may not see the answer.
        with suppress(httpx.TransportError):
            answer = await client.post("/v2/models/m/infer", content=pieces())
            assert answer.status_code == 413
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert used < 64 * 1024  # KiB, of the 256 MiB that were on their way


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_bomb_bursts_at_the_limit(
    serve: Serve, spec: SpecOf, encoding: str
) -> None:
    compress = gzip.compress if encoding == "gzip" else zlib.compress
    bomb = compress(bytes(64 * MIB))
    async with serve(spec("Iris"), max_body_bytes=MIB) as (_, client):
        answer = await client.post(
            "/v2/models/m/infer", content=bomb, headers={"content-encoding": encoding}
        )
        assert answer.status_code == 413


@pytest.mark.parametrize(
    ("encoding", "body", "message"),
    [
        ("gzip", b"nothing", "not gzip"),
        ("gzip", gzip.compress(b"{}")[:-4], "ends too early"),
        ("gzip", gzip.compress(b"{}") + b"x", "goes on after"),
        ("deflate", b"\x78\x9c\xff\xff\xff", "not deflate"),
        ("br", b"x", "'br' is not supported; expected gzip or deflate"),
    ],
)
async def test_a_badly_compressed_body_is_a_400(
    serve: Serve, spec: SpecOf, encoding: str, body: Any, message: str
) -> None:
    async with serve(spec("Iris")) as (_, client):
        answer = await client.post(
            "/v2/models/m/infer", content=body, headers={"content-encoding": encoding}
        )
        assert answer.status_code == 400
        assert message in answer.json()["error"]


async def test_a_head_of_any_size_is_not_taken_in(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Iris"), max_header_bytes=4096) as (_, client):
        headers = [f"x-{n}: {'y' * 100}" for n in range(100)]
        answer = await exchange(client, post(*headers))
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert b'{"error":' in answer


async def test_what_is_no_http_is_a_400(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Iris")) as (_, client):
        answer = await exchange(client, b"\x16\x03\x01 nonsense\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b'{"error":' in answer


async def test_a_body_that_does_not_come_is_given_up(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Iris"), read_timeout=0.2) as (_, client):
        began = time.monotonic()
        answer = await exchange(client, post("Content-Length: 10", body=b"{"))
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began < 5


async def test_a_connection_that_says_nothing_is_closed(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Iris"), read_timeout=0.2) as (_, client):
        assert await exchange(client, b"") == b""


async def test_requests_in_one_packet_are_answered_in_order(
    serve: Serve, spec: SpecOf
) -> None:
    body = json.dumps({"id": "a", "inputs": [ROW]}).encode()
    one = post(f"Content-Length: {len(body)}", body=body)
    last = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    async with serve(spec("Iris")) as (_, client):
        answer = await exchange(client, one + one + last)
        assert answer.count(b"HTTP/1.1 200 ") == 3
        assert answer.index(b'"id":"a"') < answer.index(b'{"live":true}')


async def test_bodies_together_have_a_limit_too(serve: Serve, spec: SpecOf) -> None:
    """Seventeen clients that stall before their last byte must not fill the memory."""
    text = json.dumps({"inputs": [ROW]}).encode().ljust(1000)
    whole = post("Content-Length: 1000", body=text)
    async with serve(spec("Iris"), max_body_bytes=1000) as (_, client):
        stalled = [await connect(client) for _ in range(16)]
        for _, writer in stalled:
            writer.write(whole[:-1])
        await asyncio.sleep(0.2)
        answer = await exchange(client, whole)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1" in answer
        for reader, writer in stalled:
            writer.write(whole[-1:])
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
            writer.close()
        again = await client.post("/v2/models/m/infer", content=text)
        assert again.status_code == 200
