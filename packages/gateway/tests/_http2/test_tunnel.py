"""HTTP/2 connections carried to the gRPC server: limits, backpressure, farewells."""

from __future__ import annotations

import asyncio
from typing import Any

from hpack import Encoder

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\x04\0\0\0\0\0"


def headers(*fields: tuple[str, str], stream: int = 1, flags: int = 0x5) -> bytes:
    block = Encoder().encode(fields)
    head = len(block).to_bytes(3, "big") + bytes((1, flags))
    return head + stream.to_bytes(4, "big") + block


async def test_a_request_that_is_no_grpc_is_told_to_use_http_1(world: Any) -> None:
    gateway = await world.start()
    client = await world.client()
    get = headers((":method", "GET"), (":path", "/"), (":authority", "x"))
    client.send(PREFACE + SETTINGS + get)
    data = await client.rest()
    assert data.endswith(b"over HTTP/2 this gateway speaks gRPC only; use HTTP/1.1")
    assert b"\0\0\0\x0d" in data
    await world.until(lambda: gateway.connections == 0)


async def test_frames_that_make_no_sense_end_the_connection(world: Any) -> None:
    gateway = await world.start()
    client = await world.client()
    client.send(PREFACE + SETTINGS + b"\0\0\0\x09\4\0\0\0\1")
    assert b"CONTINUATION" in await client.rest()
    await world.until(lambda: gateway.connections == 0)


async def test_the_end_of_a_connection_ends_it_on_both_sides(world: Any) -> None:
    gateway = await world.start()
    client = await world.client()
    client.send(PREFACE + SETTINGS)
    assert (await client.reader.readexactly(9))[3] == 4
    assert gateway.connections == 1
    client.close()
    await world.until(lambda: gateway.connections == 0)


async def test_stopping_closes_what_is_open(world: Any) -> None:
    gateway = await world.start()
    client = await world.client()
    client.send(PREFACE + SETTINGS)
    await client.reader.readexactly(9)
    await gateway.stop()
    async with asyncio.timeout(5):
        while await client.reader.read(1000):
            pass
    assert gateway.connections == 0


async def test_connections_are_limited_whatever_they_speak(world: Any) -> None:
    await world.start(max_connections=1)
    first = await world.client()
    first.send(PREFACE + SETTINGS)
    await first.reader.readexactly(9)
    second = await world.client()
    second.send(PREFACE + SETTINGS)
    assert (await second.answer()).status == 503


async def test_a_connection_nobody_uses_is_closed(world: Any) -> None:
    gateway = await world.start(idle_timeout=0.3)
    client = await world.client()
    client.send(PREFACE + SETTINGS)
    async with asyncio.timeout(10):
        while await client.reader.read(1000):
            pass
    await world.until(lambda: gateway.connections == 0)
