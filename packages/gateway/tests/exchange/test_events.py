"""Server-sent events and other answers in pieces: passed as they come, cancelled."""

from __future__ import annotations

import asyncio
import time
from typing import Any

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


def event(number: int) -> bytes:
    data = b'data: {"token": %d}\n\n' % number
    return b"%x\r\n%s\r\n" % (len(data), data)


async def test_each_event_reaches_the_client_before_the_next_is_made(
    world: Any,
) -> None:
    taken = asyncio.Semaphore(0)

    async def generate(message: Any, _reader: Any, writer: Any) -> None:
        writer.write(HEAD)
        for number in range(20):
            writer.write(event(number))
            async with asyncio.timeout(5):
                await taken.acquire()
        writer.write(b"0\r\n\r\n")

    await world.serve(await world.replica(generate))
    client = await world.client()
    client.send(
        b"POST /v2/models/iris/generate_stream HTTP/1.1\r\nHost: x\r\n"
        b"Content-Length: 2\r\n\r\n{}"
    )
    head = await client.reader.readuntil(b"\r\n\r\n")
    assert b"text/event-stream" in head
    for number in range(20):
        expected = event(number)
        async with asyncio.timeout(5):
            assert await client.reader.readexactly(len(expected)) == expected
        taken.release()
    assert await client.reader.readexactly(5) == b"0\r\n\r\n"


async def test_a_stream_ends_at_the_replica_when_its_client_leaves(world: Any) -> None:
    ended = asyncio.Event()

    async def generate(message: Any, reader: Any, writer: Any) -> None:
        writer.write(HEAD)
        for number in range(10_000):
            writer.write(event(number))
            if reader.at_eof():
                break
            await asyncio.sleep(0.01)
        ended.set()

    gateway = await world.serve(await world.replica(generate))
    client = await world.client()
    client.send(
        b"POST /v2/models/iris/generate_stream HTTP/1.1\r\nHost: x\r\n"
        b"Content-Length: 2\r\n\r\n{}"
    )
    await client.reader.readuntil(event(3))
    left = time.monotonic()
    client.close()
    async with asyncio.timeout(5):
        await ended.wait()
    assert time.monotonic() - left < 1
    await world.until(lambda: gateway.report()["default/iris"]["in_flight"] == 0)
