"""Connections to replicas that misbehave while nobody asks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from inferry_gateway import Endpoint, Service, Target
from inferry_gateway._balancing import Balancer
from inferry_gateway._upstream import connect


def replica_at(port: int) -> Any:
    target = Target("1", 1, (Endpoint("127.0.0.1", port, "a"),))
    service = Service("n", "s", targets=(target,))
    balancer = Balancer(service, max_waiting=1, retry_after=1)
    balancer.update(service, 0.0)
    return next(balancer.replicas())


async def test_a_port_nobody_listens_on_is_an_os_error(unused_port: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        await connect(replica_at(unused_port), 5)


async def test_an_idle_connection_that_speaks_unasked_is_dropped(world: Any) -> None:
    speak = asyncio.Event()

    async def unasked(message: Any, _reader: Any, writer: Any) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        if len(fake.requests) == 1:
            await speak.wait()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")

    fake = await world.replica(unasked)
    await world.serve(fake)
    client = await world.client()
    assert (await client.ask("GET", "/")).body == b""
    speak.set()
    await world.until(lambda: fake.aborted)
    assert (await client.ask("GET", "/")).body == b""
    assert fake.connections == 2


async def test_an_idle_connection_that_closes_is_forgotten(world: Any) -> None:
    async def close_after(message: Any, _reader: Any, writer: Any) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    fake = await world.replica(close_after)
    gateway = await world.serve(fake)
    replica = next(next(iter(gateway.balancers)).replicas())
    client = await world.client()
    for count in range(1, 4):
        assert (await client.ask("GET", "/")).status == 200
        await world.until(lambda: not replica.idle)
        assert fake.connections == count
