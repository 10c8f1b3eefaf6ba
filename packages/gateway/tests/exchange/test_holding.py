"""Requests wait for a replica, for a slot, and not for ever."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

MIB = 1024 * 1024


def ok(body: bytes = b"", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"content-length: %d" % len(body), *headers, b"\r\n"]
    return b"\r\n".join(lines) + body


async def test_a_request_is_held_until_a_replica_appears(world: Any) -> None:
    gateway = await world.start(world.service())
    pending = asyncio.ensure_future(world.ask("POST", "/", b"hello"))
    await world.until(lambda: gateway.report()["default/iris"]["waiting"] == 1)
    assert [e.kind for e in world.events] == ["held"]
    replica = await world.replica()
    await asyncio.sleep(0.15)
    gateway.update([world.service(replica)])
    answer = await pending
    assert (answer.status, answer.body) == (200, b"hello")
    held = float(answer.header("x-inferry-held"))
    assert 0.1 < held < 5
    assert (await world.ask("GET", "/")).header("x-inferry-held") is None


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/iris",
        "/v2/models/iris/ready",
        "/v2/models/iris/versions/1/ready?x",
        "/v2/health/ready",
        "/v2/health/live",
    ],
)
async def test_whether_it_is_ready_is_answered_at_once(world: Any, path: Any) -> None:
    await world.start(world.service(unavailable="iris loads"))
    answer = await world.ask("GET", path)
    assert (answer.status, answer.error) == (503, "iris loads (it has no replica)")
    assert [e.kind for e in world.events] == ["held"]


async def test_a_held_request_is_answered_503_with_the_services_words(
    world: Any,
) -> None:
    service = world.service(unavailable="model iris is loading")
    gateway = await world.start(service, hold_seconds=0.2, retry_after=7)
    began = time.monotonic()
    answer = await world.ask("GET", "/v2/models/iris", Host="x")
    assert 0.15 < time.monotonic() - began < 5
    assert (answer.status, answer.header("retry-after")) == (503, "7")
    assert answer.error.startswith("model iris is loading (waited 0.")
    assert gateway.report()["default/iris"]["errors"] == 1


async def test_a_declared_service_without_targets_is_never_404(world: Any) -> None:
    await world.start(world.service(targets=()), hold_seconds=0)
    assert (await world.ask("GET", "/")).status == 503


async def test_a_request_is_held_no_longer_than_the_service_times_out(
    world: Any,
) -> None:
    await world.start(world.service(timeout=0.1), hold_seconds=30)
    began = time.monotonic()
    assert (await world.ask("GET", "/")).status == 503
    assert time.monotonic() - began < 5


async def test_too_many_held_requests_are_refused_at_once(world: Any) -> None:
    gateway = await world.start(world.service(), max_waiting=2)
    pending = [asyncio.ensure_future(world.ask("GET", "/")) for _ in range(2)]
    await world.until(lambda: gateway.report()["default/iris"]["waiting"] == 2)
    answer = await world.ask("GET", "/")
    assert answer.status == 503
    assert answer.error == (
        "service default/iris has no free replica (2 requests wait already)"
    )
    gateway.update([world.service(await world.replica())])
    assert [(await p).status for p in pending] == [200, 200]


async def test_a_slot_that_is_freed_serves_the_next_in_line(world: Any) -> None:
    busy = 0
    most = 0

    async def work(message: Any, _reader: Any, writer: Any) -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.01)
        busy -= 1
        writer.write(ok(message.body))

    replicas = [await world.replica(work) for _ in range(2)]
    gateway = await world.serve(*replicas, slots=2)
    bodies = [b"%d" % i for i in range(40)]
    answers = await asyncio.gather(*(world.ask("POST", "/", b) for b in bodies))
    assert [a.body for a in answers] == bodies
    assert most == 4
    report = gateway.report()["default/iris"]
    assert (report["in_flight"], report["waiting"]) == (0, 0)


async def test_the_body_of_a_held_request_stays_in_the_sockets(world: Any) -> None:
    gateway = await world.start(world.service())
    client = await world.client()
    sent = 0

    async def upload() -> None:
        nonlocal sent
        client.send(
            b"POST / HTTP/1.1\r\nHost: iris-default.example.com\r\n"
            b"Content-Length: %d\r\n\r\n" % (32 * MIB)
        )
        for _ in range(512):
            client.send(b"x" * 65536)
            await client.writer.drain()
            sent += 65536

    uploading = asyncio.ensure_future(upload())
    await world.until(lambda: gateway.report()["default/iris"]["waiting"])
    await asyncio.sleep(0.2)
    assert sent < 16 * MIB
    gateway.update([world.service(await world.replica())])
    assert len((await client.answer()).body) == 32 * MIB
    await uploading


async def test_a_deleted_service_fails_who_waits_for_it(world: Any) -> None:
    gateway = await world.start(world.service())
    pending = asyncio.ensure_future(world.ask("GET", "/"))
    await world.until(lambda: gateway.report()["default/iris"]["waiting"])
    gateway.update([])
    answer = await pending
    assert answer.status == 503
    assert "it was deleted" in answer.error
    assert (await world.ask("GET", "/x")).status == 404


async def test_a_service_whose_slots_are_taken_says_at_once_that_it_is_ready(
    world: Any,
) -> None:
    gate = asyncio.Event()

    async def work(message: Any, _reader: Any, writer: Any) -> None:
        if message.target.endswith("/infer"):
            await gate.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    gateway = await world.serve(await world.replica(work), slots=1)
    predictions = [
        asyncio.create_task(world.ask("POST", "/v2/models/iris/infer", b"{}"))
        for _ in range(4)
    ]
    await world.until(lambda: gateway.report()["default/iris"]["waiting"] == 3)
    for path in ("/v2/models/iris/ready", "/v1/models/iris", "/v2/health/live"):
        began = time.monotonic()
        answer = await world.ask("GET", path)
        assert (answer.status, time.monotonic() - began < 0.5) == (200, True)
    assert gateway.report()["default/iris"]["waiting"] == 3
    gate.set()
    assert [(await p).status for p in predictions] == [200] * 4
