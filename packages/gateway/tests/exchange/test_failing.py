"""Replicas that refuse, close, or say nonsense; what is tried again and what not."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

MIB = 1024 * 1024


def ok(body: bytes = b"", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"content-length: %d" % len(body), *headers, b"\r\n"]
    return b"\r\n".join(lines) + body


async def test_a_refusing_replica_is_passed_over(world: Any, unused_port: Any) -> None:
    good = await world.replica()
    dead = await world.replica(id="dead")
    await dead.stop()
    gateway = await world.serve(good, dead)
    for i in range(6):
        answer = await world.ask("POST", "/", b"%d" % i)
        assert (answer.status, answer.body) == (200, b"%d" % i)
    endpoints = gateway.report()["default/iris"]["endpoints"]
    assert endpoints["dead"]["errors"] == 1  # it rests after the first refusal
    assert endpoints["r0"]["requests"] == 6


async def test_if_all_replicas_refuse_the_request_is_tried_again_and_then_502(
    world: Any,
) -> None:
    dead = await world.replica()
    await dead.stop()
    gateway = await world.serve(dead, refused_hold_seconds=0.5)
    began = time.monotonic()
    answer = await world.ask("GET", "/")
    assert 0.15 < time.monotonic() - began < 5
    assert answer.status == 502
    assert answer.error.startswith(
        "no replica of service default/iris accepts connections (tried for 0."
    )
    report = gateway.report()["default/iris"]
    assert report["in_flight"] == report["waiting"] == 0
    assert report["endpoints"]["r0"]["errors"] > 1


async def test_a_replica_that_comes_back_loses_no_request(
    world: Any, free_port: Any
) -> None:
    port = free_port()
    first = await world.replica(port=port)
    service = world.service(first)
    gateway = await world.start(service)
    assert (await world.ask("GET", "/")).status == 200
    await first.stop()
    await world.until(lambda: not next(iter(gateway._balancers.values()))._homeless)
    pending = [asyncio.ensure_future(world.ask("POST", "/", b"x")) for _ in range(5)]
    await asyncio.sleep(0.3)
    await world.replica(port=port)
    assert [(await p).status for p in pending] == [200] * 5


async def test_a_connection_closed_while_idle_is_replaced_unnoticed(world: Any) -> None:
    """The classic race: the replica's keep-alive ends just when we write."""
    served = 0

    async def raw(reader: Any, writer: Any) -> None:
        nonlocal served
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(5)
            if served == 1:
                served += 1
                return  # closed with a request under way, not one byte of answer
            served += 1
            assert head.startswith(b"POST /v2 ")
            writer.write(ok(body))

    replica = await world.replica(raw=raw)
    gateway = await world.serve(replica)
    client = await world.client()
    assert (await client.ask("POST", "/v2", b"first")).body == b"first"
    assert (await client.ask("POST", "/v2", b"again")).body == b"again"
    assert (served, replica.connections) == (3, 2)
    assert gateway.report()["default/iris"]["requests"] == 2


async def test_a_chunked_request_is_replayed_whole(world: Any) -> None:
    bodies = []

    async def once_then_close(message: Any, _reader: Any, writer: Any) -> None:
        bodies.append(message.body)
        if len(bodies) == 2:
            writer.close()
            return
        writer.write(ok(message.body))

    await world.serve(await world.replica(once_then_close))
    client = await world.client()
    await client.ask("POST", "/", b"first")
    client.send(
        b"POST / HTTP/1.1\r\nHost: iris-default.example.com\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    assert (await client.answer()).body == b"abcde"
    assert bodies == [b"first", b"abcde", b"abcde"]


async def close_always(message: Any, _reader: Any, writer: Any) -> None:
    writer.close()


async def test_a_fresh_connection_that_closes_is_never_tried_again(world: Any) -> None:
    replica = await world.replica(close_always)
    gateway = await world.serve(replica)
    answer = await world.ask("POST", "/", b"x")
    assert answer.status == 502
    assert answer.error == (
        "a replica of service default/iris closed the connection before it answered; "
        "see the service's logs"
    )
    assert len(replica.requests) == 1
    assert gateway.report()["default/iris"]["endpoints"]["r0"]["errors"] == 1


async def test_the_race_is_replayed_once_only(world: Any) -> None:
    async def first_only(message: Any, _reader: Any, writer: Any) -> None:
        if message.body == b"first":
            writer.write(ok())
        else:
            writer.close()

    replica = await world.replica(first_only)
    await world.serve(replica)
    client = await world.client()
    await client.ask("POST", "/", b"first")
    assert (await client.ask("POST", "/", b"x")).status == 502
    assert [m.body for m in replica.requests] == [b"first", b"x", b"x"]


@pytest.mark.parametrize("why", ["large", "late", "answered"])
async def test_what_may_have_been_done_is_not_done_again(world: Any, why: Any) -> None:
    async def serve(message: Any, _reader: Any, writer: Any) -> None:
        if message.body == b"first":
            writer.write(ok())
            return
        if why == "late":
            await asyncio.sleep(0.1)
        if why == "answered":
            writer.write(b"HTTP/1.1 200")
            await writer.drain()
        writer.close()

    replica = await world.replica(serve)
    await world.serve(replica)
    client = await world.client()
    await client.ask("POST", "/", b"first")
    body = b"x" * (65537 if why == "large" else 10)
    assert (await client.ask("POST", "/", body)).status == 502
    assert len(replica.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n",
    ],
    ids=["garbage", "two framings", "two lengths", "101", "long head", "many fields"],
)
async def test_an_invalid_answer_is_502(world: Any, answer: Any) -> None:
    async def invalid(message: Any, _reader: Any, writer: Any) -> None:
        writer.write(answer)

    gateway = await world.serve(await world.replica(invalid))
    reply = await world.ask("GET", "/")
    assert reply.status == 502
    assert reply.error == (
        "a replica of service default/iris sent an invalid response; see the service's "
        "logs"
    )
    assert gateway.report()["default/iris"]["in_flight"] == 0


@pytest.mark.parametrize(
    "framing", [b"content-length: 11", b"transfer-encoding: chunked"]
)
async def test_an_answer_cut_short_is_seen_as_such_by_the_client(
    world: Any, framing: Any
) -> None:
    async def cut(message: Any, _reader: Any, writer: Any) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n%s\r\n\r\n5\r\nhello\r\n" % framing)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()

    gateway = await world.serve(await world.replica(cut))
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await world.ask("GET", "/")
    assert gateway.report()["default/iris"]["endpoints"]["r0"]["errors"] == 1


async def test_more_than_the_answer_spoils_the_connection(world: Any) -> None:
    async def twice(message: Any, _reader: Any, writer: Any) -> None:
        writer.write(ok(b"one") + ok(b"two"))

    replica = await world.replica(twice)
    await world.serve(replica)
    client = await world.client()
    for _ in range(3):
        assert (await client.ask("GET", "/")).body == b"one"
    assert replica.connections == 3
