"""Bodies pass both ways as they come, in bounded memory."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import Any

import pytest

MIB = 1024 * 1024


def ok(body: bytes = b"", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"content-length: %d" % len(body), *headers, b"\r\n"]
    return b"\r\n".join(lines) + body


async def test_a_chunked_request_is_streamed_as_it_comes(world: Any) -> None:
    seen = asyncio.Queue()

    async def raw(reader: Any, writer: Any) -> None:
        await reader.readuntil(b"\r\n\r\n")
        while True:
            data = await reader.read(1000)
            seen.put_nowait(data)
            if data.endswith(b"0\r\n\r\n"):
                break
        writer.write(ok(b"done"))

    replica = await world.replica(raw=raw)
    await world.serve(replica)
    client = await world.client()
    client.send(
        b"POST / HTTP/1.1\r\nHost: iris-default.example.com\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    for piece in (b"5\r\nhello\r\n", b"1a\r\n" + b"x" * 26 + b"\r\n", b"0\r\n\r\n"):
        client.send(piece)
        assert await asyncio.wait_for(seen.get(), 5) == piece
    assert (await client.answer()).body == b"done"


async def test_a_chunked_answer_is_streamed_as_it_comes(world: Any) -> None:
    step = asyncio.Event()

    async def stream(message: Any, _reader: Any, writer: Any) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"
        )
        await step.wait()
        writer.write(b"3\r\ntwo\r\n0\r\nTrailer: x\r\n\r\n")

    replica = await world.replica(stream)
    await world.serve(replica)
    client = await world.client()
    client.send(b"GET / HTTP/1.1\r\nHost: iris-default.example.com\r\n\r\n")
    head = await client.reader.readuntil(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert await client.reader.readexactly(8) == b"3\r\none\r\n"
    step.set()
    assert await client.reader.readexactly(13) == b"3\r\ntwo\r\n0\r\n\r\n"
    assert (await client.ask("GET", "/")).body == b"onetwo"
    assert replica.connections == 1


async def test_an_answer_without_length_is_chunked_for_1_1_and_closed_for_1_0(
    world: Any,
) -> None:
    async def raw(reader: Any, writer: Any) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nhello")

    replica = await world.replica(raw=raw)
    await world.serve(replica)
    client = await world.client()
    for _ in range(2):
        answer = await client.ask("GET", "/")
        assert answer.header("transfer-encoding") == "chunked"
        assert (answer.body, answer.header("x-a")) == (b"hello", "b")
    client.send(
        b"GET / HTTP/1.0\r\nHost: iris-default.example.com\r\n"
        b"Connection: keep-alive\r\n\r\n"
    )
    answer = await client.answer()
    assert answer.header("transfer-encoding") is None
    assert (answer.body, answer.header("connection")) == (b"hello", "close")


async def test_a_chunked_answer_reaches_a_1_0_client_unchunked(world: Any) -> None:
    async def stream(message: Any, _reader: Any, writer: Any) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
        )

    await world.serve(await world.replica(stream))
    client = await world.client()
    client.send(b"GET / HTTP/1.0\r\nHost: iris-default.example.com\r\n\r\n")
    answer = await client.answer()
    assert (answer.body, answer.header("connection")) == (b"onetwo", "close")


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_body_leave_the_connection_usable(
    world: Any, status: Any
) -> None:
    async def empty(message: Any, _reader: Any, writer: Any) -> None:
        writer.write(b"HTTP/1.1 %d X\r\nETag: a\r\n\r\n" % status)

    replica = await world.replica(empty)
    await world.serve(replica)
    client = await world.client()
    for _ in range(3):
        answer = await client.ask("GET", "/")
        assert (answer.status, answer.header("etag")) == (status, "a")
    assert replica.connections == 1


async def test_early_hints_pass_and_a_stray_continue_does_not(world: Any) -> None:
    async def hints(message: Any, _reader: Any, writer: Any) -> None:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        writer.write(ok(b"x"))

    await world.serve(await world.replica(hints))
    client = await world.client()
    for _ in range(2):
        hint = await client.ask("GET", "/")
        assert (hint.status, hint.header("link")) == (103, "</a>")
        assert (await client.answer()).body == b"x"


async def test_an_answer_before_the_end_of_the_request_ends_both(world: Any) -> None:
    async def raw(reader: Any, writer: Any) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 422 X\r\ncontent-length: 3\r\n\r\nbad")
        await asyncio.sleep(5)

    replica = await world.replica(raw=raw)
    gateway = await world.serve(replica)
    client = await world.client()
    client.send(
        b"POST / HTTP/1.1\r\nHost: iris-default.example.com\r\n"
        b"Content-Length: 1000000\r\n\r\nxxx"
    )
    answer = await client.answer()
    assert (answer.status, answer.body) == (422, b"bad")
    assert answer.header("connection") == "close"
    assert await client.rest() == b""
    assert gateway.report()["default/iris"]["in_flight"] == 0


async def test_64_mib_pass_both_ways_in_bounded_memory(world: Any) -> None:
    size = 64 * MIB
    block = bytes(range(256)) * 256

    async def raw(reader: Any, writer: Any) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        left = size
        while left:
            data = await reader.read(65536)
            left -= len(data)
            writer.write(data)
            await writer.drain()

    await world.serve(await world.replica(raw=raw))
    client = await world.client()

    async def upload() -> None:
        client.send(
            b"POST / HTTP/1.1\r\nHost: iris-default.example.com\r\n"
            b"Content-Length: %d\r\n\r\n" % size
        )
        for _ in range(size // len(block)):
            client.send(block)
            await client.writer.drain()

    tracemalloc.start()
    try:
        uploading = asyncio.ensure_future(upload())
        await client.reader.readuntil(b"\r\n\r\n")
        got = 0
        while got < size:
            data = await client.reader.read(65536)
            expected = block[got % 65536 :] + block
            assert data == expected[: len(data)]
            got += len(data)
        await uploading
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB


async def test_a_slow_client_slows_the_replica_down(world: Any) -> None:
    sent = 0

    async def flood(message: Any, _reader: Any, writer: Any) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (64 * MIB))
        for _ in range(1024):
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    await world.serve(await world.replica(flood), timeout=0.3)
    client = await world.client()
    client.send(b"GET / HTTP/1.1\r\nHost: iris-default.example.com\r\n\r\n")
    await asyncio.sleep(0.3)
    first = sent
    # Longer than the service's timeout: the silence is not the replica's fault.
    await asyncio.sleep(0.5)
    assert sent == first < 32 * MIB
    head = await client.reader.readuntil(b"\r\n\r\n")
    assert b"200 OK" in head
    got = 0
    while got < 64 * MIB:
        got += len(await client.reader.read(MIB))
    assert got == 64 * MIB


async def test_a_slow_replica_slows_the_client_down(world: Any) -> None:
    go = asyncio.Event()

    async def raw(reader: Any, writer: Any) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await go.wait()
        left = 64 * MIB
        while left:
            left -= len(await reader.read(MIB))
        writer.write(ok(b"all"))

    await world.serve(await world.replica(raw=raw), body_timeout=0.2)
    client = await world.client()
    sent = 0

    async def upload() -> None:
        nonlocal sent
        client.send(
            b"POST / HTTP/1.1\r\nHost: iris-default.example.com\r\n"
            b"Content-Length: %d\r\n\r\n" % (64 * MIB)
        )
        for _ in range(1024):
            client.send(b"x" * 65536)
            await client.writer.drain()
            sent += 65536

    uploading = asyncio.ensure_future(upload())
    await asyncio.sleep(0.3)
    first = sent
    await asyncio.sleep(0.4)
    assert sent == first < 32 * MIB
    go.set()
    assert (await client.answer()).body == b"all"
    await uploading
