"""One request: streamed both ways, held, retried where that is safe, timed."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from typing import Any

import pytest

from inferry_gateway import Target

MIB = 1024 * 1024


def ok(body: bytes = b"", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"content-length: %d" % len(body), *headers, b"\r\n"]
    return b"\r\n".join(lines) + body


# Streaming


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


# Holding


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


# Replicas that fail


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
