"""Client connections: order, persistence, limits and time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from typing import Any

import pytest

GET = b"GET /%s HTTP/1.1\r\nHost: iris-default.example.com\r\n\r\n"


def post(body: bytes, *headers: bytes, path: bytes = b"/") -> bytes:
    lines = [
        b"POST %s HTTP/1.1" % path,
        b"Host: iris-default.example.com",
        b"Content-Length: %d" % len(body),
        *headers,
        b"\r\n",
    ]
    return b"\r\n".join(lines) + body


async def test_pipelined_requests_are_answered_in_order(world: Any) -> None:
    async def name(message: Any, _reader: Any, writer: Any) -> None:
        delay = 0.05 if message.target == "/0" else 0
        await asyncio.sleep(delay)
        body = message.target.encode() + message.body
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        )

    replica = await world.replica(name)
    await world.serve(replica)
    client = await world.client()
    requests = [post(b"body%d" % i, path=b"/%d" % i) for i in range(20)]
    requests[7] = GET % b"7"
    requests[9] = (
        b"POST /9 HTTP/1.1\r\nHost: iris-default.example.com\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nbody9\r\n0\r\n\r\n"
    )
    client.send(b"".join(requests))
    for i in range(20):
        answer = await client.answer()
        body = b"" if i == 7 else b"body%d" % i
        assert answer.body == b"/%d" % i + body
    assert replica.connections == 1


async def test_own_answers_and_proxied_ones_keep_their_order(world: Any) -> None:
    replica = await world.replica()
    await world.serve(replica)
    client = await world.client()
    own = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    client.send((own + post(b"proxied")) * 30 + own)
    for _ in range(30):
        assert json.loads((await client.answer()).body) == {"status": "ok"}
        assert (await client.answer()).body == b"proxied"
    assert (await client.answer()).status == 200


async def test_a_bad_request_is_answered_after_those_before_it(world: Any) -> None:
    replica = await world.replica()
    await world.serve(replica)
    client = await world.client()
    client.send(
        GET % b"a" + post(b"b") + b"GET / HTTP/1.1\r\nHost : x\r\n\r\n" + GET % b"c"
    )
    assert (await client.answer()).status == 200
    assert (await client.answer()).body == b"b"
    answer = await client.answer()
    assert (answer.status, answer.header("connection")) == (400, "close")
    assert answer.error.startswith("the request is not valid HTTP/1.1: ")
    assert await client.rest() == b""
    assert len(replica.requests) == 2


async def test_endless_pipelining_is_cut(world: Any) -> None:
    async def slow(message: Any, _reader: Any, writer: Any) -> None:
        await asyncio.sleep(0.005)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    replica = await world.replica(slow)
    await world.serve(replica)
    client = await world.client()
    client.send(GET % b"x" * 1000)
    statuses = []
    while not statuses or statuses[-1] == 200:
        statuses.append((await client.answer()).status)
    assert statuses[-1] == 429
    assert 128 <= len(statuses) < 300


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        ("1.1", "", True),
        ("1.1", "close", False),
        ("1.0", "", False),
        ("1.0", "keep-alive", True),
    ],
)
@pytest.mark.parametrize("host", ["iris-default.example.com", "own"])
async def test_the_connection_persists_as_the_client_asks(
    world: Any, version: Any, connection: Any, kept: Any, host: Any
) -> None:
    await world.serve(await world.replica())
    client = await world.client()
    header = f"Connection: {connection}\r\n" if connection else ""
    data = f"GET / HTTP/{version}\r\nHost: {host}\r\n{header}\r\n".encode()
    client.send(data)
    answer = await client.answer()
    assert answer.status == 200
    if kept:
        client.send(data)
        assert (await client.answer()).status == 200
    else:
        assert answer.header("connection") == "close"
        assert await client.rest() == b""


async def test_head_has_the_headers_of_get_and_no_body(world: Any) -> None:
    async def head(message: Any, _reader: Any, writer: Any) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
        if message.method == "GET":
            writer.write(b"hello")

    replica = await world.replica(head)
    await world.serve(replica)
    client = await world.client()
    for _ in range(3):
        answer = await client.ask("HEAD", "/")
        assert (answer.status, answer.header("content-length")) == (200, "5")
        assert (await client.ask("GET", "/")).body == b"hello"
    own = await client.ask("HEAD", "/healthz", Host="own")
    assert own.header("content-length") == str(len(b'{"status":"ok"}'))
    assert (await client.ask("GET", "/")).body == b"hello"
    assert replica.connections == 1


async def test_continue_is_said_when_a_replica_is_ready_for_the_body(
    world: Any,
) -> None:
    replica = await world.replica()
    gateway = await world.start(world.service())
    client = await world.client()
    whole = post(b"hello", b"Expect: 100-continue")
    client.send(whole[:-5])
    await world.until(lambda: gateway.report()["default/iris"]["waiting"])
    gateway.update([world.service(replica)])
    assert (await client.answer()).status == 100
    client.send(b"hello")
    assert (await client.answer()).body == b"hello"
    assert replica.requests[0].header("expect") is None
    assert (await client.ask("POST", "/", b"again")).body == b"again"


async def test_who_expects_continue_gets_the_refusal_instead_of_it(world: Any) -> None:
    await world.serve(await world.replica(), max_body_bytes=10)
    client = await world.client()
    client.send(post(b"x" * 11, b"Expect: 100-continue")[:-11])
    answer = await client.answer()
    assert (answer.status, answer.header("connection")) == (413, "close")


async def test_a_body_above_the_limit_is_refused_before_any_of_it_is_sent_on(
    world: Any,
) -> None:
    replica = await world.replica()
    await world.serve(replica, max_body_bytes=1000)
    client = await world.client()
    client.send(post(b"x" * 1001))
    answer = await client.answer()
    assert answer.status == 413
    assert answer.error == (
        "the request body is larger than 1000 bytes; send less or raise the setting "
        "gateway.max_body_bytes"
    )
    assert await client.rest() == b""
    assert replica.connections == 0
    assert (await world.ask("POST", "/", b"x" * 1000)).status == 200


async def test_a_chunked_body_above_the_limit_is_cut_at_the_replica(world: Any) -> None:
    replica = await world.replica()
    await world.serve(replica, max_body_bytes=1000)
    client = await world.client()
    client.send(
        b"POST / HTTP/1.1\r\nHost: iris-default.example.com\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n" + b"64\r\n" + b"x" * 100 + b"\r\n"
    )
    await world.until(lambda: replica.connections)
    client.send(b"400\r\n" + b"x" * 1024 + b"\r\n0\r\n\r\n")
    assert (await client.answer()).status == 413
    await world.until(lambda: replica.aborted == 1)
    assert replica.requests == []


async def test_a_large_body_after_a_refusal_does_not_reset_the_answer(
    world: Any,
) -> None:
    """Closing with unread data would reset the connection and eat the 413."""
    await world.serve(await world.replica(), max_body_bytes=1000)
    client = await world.client()

    async def send() -> None:
        with contextlib.suppress(ConnectionError):
            for _ in range(400):
                client.send(b"x" * 65536)
                await client.writer.drain()

    client.send(post(b"x" * (100 * 1024 * 1024))[:1000])
    sending = asyncio.ensure_future(send())
    assert (await client.answer()).status == 413
    await sending


async def test_a_bad_chunk_after_dispatch_stops_the_replica(world: Any) -> None:
    replica = await world.replica()
    await world.serve(replica)
    client = await world.client()
    client.send(
        b"POST / HTTP/1.1\r\nHost: iris-default.example.com\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    )
    await world.until(lambda: replica.connections)
    client.send(b"zz\r\n")
    answer = await client.answer()
    assert (answer.status, answer.header("connection")) == (400, "close")
    await world.until(lambda: replica.aborted == 1)
    assert replica.requests == []


async def test_too_large_a_head_is_431(world: Any) -> None:
    await world.serve(await world.replica(), max_header_bytes=1000)
    answer = await world.ask("GET", "/", X_Long="x" * 1000)
    assert answer.status == 431


async def test_a_head_that_does_not_come_in_time_is_408(world: Any) -> None:
    await world.serve(await world.replica(), header_timeout=0.2)
    client = await world.client()
    began = time.monotonic()

    async def trickle() -> None:
        for byte in GET % b"":
            client.send(bytes([byte]))
            await asyncio.sleep(0.02)

    trickling = asyncio.ensure_future(trickle())
    answer = await client.answer()
    assert 0.15 < time.monotonic() - began < 5
    assert (answer.status, answer.header("connection")) == (408, "close")
    trickling.cancel()


async def test_who_sends_nothing_at_all_is_disconnected(world: Any) -> None:
    await world.serve(await world.replica(), header_timeout=0.1)
    client = await world.client()
    assert await client.rest() == b""


async def test_an_idle_connection_is_closed(world: Any) -> None:
    await world.serve(await world.replica(), idle_timeout=0.2, header_timeout=9)
    client = await world.client()
    assert (await client.ask("GET", "/")).status == 200
    began = time.monotonic()
    assert await client.rest() == b""
    assert 0.15 < time.monotonic() - began < 5


async def test_a_body_that_stalls_is_408_and_the_replica_is_freed(world: Any) -> None:
    replica = await world.replica()
    gateway = await world.serve(replica, body_timeout=0.2, timeout=0.1)
    client = await world.client()
    client.send(post(b"x" * 100)[:-50])
    answer = await client.answer()
    assert (answer.status, answer.header("connection")) == (408, "close")
    await world.until(lambda: replica.aborted == 1)
    assert gateway.report()["default/iris"]["in_flight"] == 0


async def test_a_slow_answer_is_no_stall_of_the_client(world: Any) -> None:
    async def slow(message: Any, _reader: Any, writer: Any) -> None:
        await asyncio.sleep(0.5)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    await world.serve(
        await world.replica(slow),
        body_timeout=0.1,
        header_timeout=0.1,
        idle_timeout=0.1,
    )
    assert (await world.ask("POST", "/", b"x")).status == 200


async def test_who_never_reads_the_answer_is_disconnected(world: Any) -> None:
    async def flood(message: Any, _reader: Any, writer: Any) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    replica = await world.replica(flood)
    gateway = await world.serve(replica, write_timeout=0.3)
    with socket.create_connection(("127.0.0.1", world.port)) as client:
        client.sendall(GET % b"")
        await world.until(lambda: replica.aborted == 1)
    await world.until(lambda: gateway.connections == 0)


async def test_http_2_is_understood_however_its_preface_is_cut(world: Any) -> None:
    await world.start()
    client = await world.client()
    for piece in (b"P", b"RI * HTTP/2.0\r\n\r\nSM", b"\r\n\r\n\0\0\0\x04\0\0\0\0\0"):
        client.send(piece)
        await asyncio.sleep(0.02)
    async with asyncio.timeout(10):
        head = await client.reader.readexactly(9)
    assert head[3] == 4, "the server begins with SETTINGS"


async def test_a_request_that_begins_like_the_preface_of_http_2_is_read(
    world: Any,
) -> None:
    await world.serve(await world.replica())
    client = await world.client()
    client.send(b"P")
    await asyncio.sleep(0.02)
    client.send(GET.replace(b"GET", b"UT") % b"")
    assert (await client.answer()).status == 200


async def test_half_a_preface_of_http_2_is_not_waited_for_long(world: Any) -> None:
    gateway = await world.start(header_timeout=0.2)
    client = await world.client()
    client.send(b"PRI * HTTP/2.0\r\n")
    assert await client.rest() == b""
    await world.until(lambda: gateway.connections == 0)


async def test_garbage_is_400(world: Any) -> None:
    await world.start()
    client = await world.client()
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert (await client.answer()).status == 400
    assert await client.rest() == b""


async def test_a_client_that_leaves_stops_its_replica(world: Any) -> None:
    cancelled = asyncio.Event()

    async def work(message: Any, reader: Any, writer: Any) -> None:
        assert await reader.read() == b""
        cancelled.set()

    replica = await world.replica(work)
    gateway = await world.serve(replica)
    client = await world.client()
    client.send(post(b"x"))
    await world.until(lambda: replica.requests)
    client.close()
    async with asyncio.timeout(5):
        await cancelled.wait()
    report = gateway.report()["default/iris"]
    assert (report["in_flight"], report["requests"], report["errors"]) == (0, 1, 0)
    page = await world.ask("GET", "/metrics", Host="own")
    assert b'revision="1",code="499"} 1\n' in page.body


async def test_a_client_that_leaves_the_queue_is_forgotten(world: Any) -> None:
    gateway = await world.start(world.service())
    client = await world.client()
    client.send(GET % b"")
    await world.until(lambda: gateway.report()["default/iris"]["waiting"] == 1)
    client.close()
    await world.until(lambda: gateway.report()["default/iris"]["waiting"] == 0)


async def test_many_connections_at_once(world: Any) -> None:
    replica = await world.replica()
    await world.serve(replica)
    answers = await asyncio.gather(
        *(world.ask("POST", "/", b"%d" % i) for i in range(300))
    )
    assert [a.body for a in answers] == [b"%d" % i for i in range(300)]


async def test_a_refused_request_may_finish_its_short_body(world: Any) -> None:
    await world.start()
    client = await world.client()
    for _ in range(2):
        whole = post(b"hello", path=b"/v2/models/none/infer")
        client.send(whole[:-3])
        await asyncio.sleep(0.05)
        client.send(whole[-3:])
        answer = await client.answer()
        assert (answer.status, answer.header("connection")) == (404, "keep-alive")


async def test_a_refused_request_whose_body_stalls_is_408(world: Any) -> None:
    await world.start(body_timeout=0.1)
    client = await world.client()
    client.send(post(b"hello", path=b"/v2/models/none/infer")[:-3])
    assert (await client.answer()).status == 408
    assert await client.rest() == b""


async def test_a_refused_request_with_a_long_body_is_answered_at_once(
    world: Any,
) -> None:
    await world.start()
    client = await world.client()
    client.send(post(b"x" * 100_000, path=b"/v2/models/none/infer")[:500])
    answer = await client.answer()
    assert (answer.status, answer.header("connection")) == (404, "close")
    assert await client.rest() == b""
