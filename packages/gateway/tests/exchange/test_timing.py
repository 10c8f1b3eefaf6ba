"""How long an answer may take, and what a slow one does to the others."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from inferry_gateway import Target

MIB = 1024 * 1024


def ok(body: bytes = b"", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"content-length: %d" % len(body), *headers, b"\r\n"]
    return b"\r\n".join(lines) + body


async def test_an_answer_that_takes_too_long_is_504_and_its_work_is_stopped(
    world: Any,
) -> None:
    cancelled = asyncio.Event()

    async def hang(message: Any, reader: Any, writer: Any) -> None:
        await reader.read()
        cancelled.set()

    replica = await world.replica(hang)
    gateway = await world.serve(replica, timeout=0.2)
    began = time.monotonic()
    answer = await world.ask("POST", "/", b"x")
    assert 0.15 < time.monotonic() - began < 5
    assert answer.status == 504
    assert answer.error == (
        "service default/iris did not answer within its timeout of 0.2 s; raise "
        "spec.predictor.timeout or send less"
    )
    await asyncio.wait_for(cancelled.wait(), 5)
    assert len(replica.requests) == 1
    assert gateway.report()["default/iris"]["in_flight"] == 0


async def test_a_stream_may_last_longer_than_the_timeout_but_not_be_silent(
    world: Any,
) -> None:
    async def stream(message: Any, _reader: Any, writer: Any) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(5):
            writer.write(b"1\r\nx\r\n")
            await asyncio.sleep(0.1)
        if message.target == "/end":
            writer.write(b"0\r\n\r\n")
        else:
            await asyncio.sleep(5)

    await world.serve(await world.replica(stream), timeout=0.3)
    assert (await world.ask("GET", "/end")).body == b"xxxxx"
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await world.ask("GET", "/silent")


async def test_one_hanging_replica_hangs_nobody_else(world: Any) -> None:
    async def hang(message: Any, _reader: Any, writer: Any) -> None:
        await asyncio.sleep(30)

    bad, good = await world.replica(hang), await world.replica()
    other = world.service(good, name="other", hosts=("other",), models=())
    await world.start(world.service(bad, slots=1), other)
    stuck = [asyncio.ensure_future(world.ask("GET", "/")) for _ in range(20)]
    await world.until(lambda: bad.requests)
    began = time.monotonic()
    for _ in range(20):
        assert (await world.ask("GET", "/", Host="other")).status == 200
    assert time.monotonic() - began < 5
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)


async def test_idle_connections_to_replicas_are_not_kept_for_long(world: Any) -> None:
    replica = await world.replica()
    await world.serve(replica, upstream_idle_timeout=0.1)
    client = await world.client()
    await client.ask("GET", "/")
    await world.until(lambda: replica.aborted == 1)
    assert (await client.ask("GET", "/")).status == 200
    assert replica.connections == 2


async def test_a_canary_without_replicas_leaves_its_share_to_the_stable_one(
    world: Any,
) -> None:
    stable = await world.replica()
    targets = (Target("1", 50, (stable.endpoint,)), Target("2", 50))
    await world.start(world.service(targets=targets))
    client = await world.client()
    for _ in range(10):
        assert (await client.ask("GET", "/")).status == 200


async def test_a_service_deleted_while_its_replica_refuses_fails_who_waits(
    world: Any,
) -> None:
    dead = await world.replica()
    await dead.stop()
    gateway = await world.serve(dead)
    pending = asyncio.ensure_future(world.ask("GET", "/"))
    await world.until(lambda: world.events)
    gateway.update([])
    assert (await pending).status == 503


async def test_pipelined_answers_wait_for_a_client_that_does_not_read(
    world: Any,
) -> None:
    body = b"x" * (2 * MIB)

    async def large(message: Any, _reader: Any, writer: Any) -> None:
        writer.write(ok(body))

    replica = await world.replica(large)
    await world.serve(replica)
    client = await world.client()
    request = b"GET / HTTP/1.1\r\nHost: iris-default.example.com\r\n\r\n"
    client.send(request * 40)
    await asyncio.sleep(0.3)
    assert len(replica.requests) < 20
    for _ in range(40):
        assert (await client.answer()).body == body
    assert replica.connections == 1
