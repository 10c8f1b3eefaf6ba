"""Life of a gateway: start, update, drain, stop, and what it says of itself."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Never

import pytest

from inferry.errors import BackendError
from inferry_gateway import Endpoint, Gateway, GatewaySettings, Service, Target


async def test_a_request_reaches_the_replica_and_its_answer_the_client(
    world: Any,
) -> None:
    replica = await world.replica()
    await world.serve(replica)
    answer = await world.ask("POST", "/v2/models/iris/infer?x=1", b'{"a": 1}')
    assert (answer.status, answer.body) == (200, b'{"a": 1}')
    assert replica.requests[0].target == "/v2/models/iris/infer?x=1"
    assert replica.requests[0].header("host") == "iris-default.example.com"


async def test_a_taken_port_is_an_error_that_names_it_and_the_remedy(
    world: Any,
) -> None:
    gateway = await world.start()
    second = Gateway(GatewaySettings(port=world.port))
    with pytest.raises(BackendError) as caught:
        await second.start()
    assert str(caught.value) == (
        f"port {world.port} on 127.0.0.1 is taken by another process; stop it, or "
        "choose another port with --set gateway.port=PORT (0: any)"
    )
    assert gateway.connections == 0


async def test_an_impossible_address_is_an_error_that_names_it(world: Any) -> None:
    gateway = Gateway(GatewaySettings(host="192.0.2.1", port=0))
    with pytest.raises(BackendError, match=r"cannot listen on 192\.0\.2\.1:0"):
        await gateway.start()


async def test_connections_to_a_replica_are_reused(world: Any) -> None:
    replica = await world.replica()
    await world.serve(replica)
    client = await world.client()
    for _ in range(5):
        assert (await client.ask("GET", "/")).status == 200
    assert replica.connections == 1
    assert len(replica.requests) == 5


async def test_two_revisions_share_by_weight_and_zero_gets_nothing(world: Any) -> None:
    replicas = [await world.replica(id=f"r{i}") for i in range(3)]
    targets = tuple(
        Target(str(i), weight, (replica.endpoint,))
        for i, (replica, weight) in enumerate(zip(replicas, (80, 20, 0), strict=True))
    )
    await world.start(world.service(targets=targets))
    client = await world.client()
    for _ in range(100):
        await client.ask("GET", "/")
    assert [len(r.requests) for r in replicas] == [80, 20, 0]


async def test_update_moves_traffic_and_lets_requests_in_flight_finish(
    world: Any,
) -> None:
    release = asyncio.Event()

    async def slow(message: Any, _reader: Any, writer: Any) -> None:
        await release.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nold")

    old, new = await world.replica(slow), await world.replica()
    gateway = await world.serve(old)
    client = await world.client()
    pending = asyncio.ensure_future(client.ask("GET", "/"))
    await world.until(lambda: old.requests)
    gateway.update([world.service(new)])
    assert (await world.ask("POST", "/", b"new")).body == b"new"
    release.set()
    assert (await pending).body == b"old"
    assert len(old.requests) == 1
    assert gateway.report()["default/iris"]["in_flight"] == 0


async def test_idle_connections_to_removed_endpoints_are_closed(world: Any) -> None:
    old, new = await world.replica(), await world.replica()
    gateway = await world.serve(old)
    assert (await world.ask("GET", "/")).status == 200
    assert old.aborted == 0
    gateway.update([world.service(new)])
    await world.until(lambda: old.aborted == 1)


async def test_swapping_endpoints_under_load_loses_nothing(world: Any) -> None:
    replicas = [await world.replica(id=f"r{i}") for i in range(4)]
    gateway = await world.serve(*replicas[:1])
    stop = False
    answers: list[tuple[int, bytes, bytes]] = []

    async def hammer(number: int) -> None:
        client = await world.client()
        count = 0
        while not stop:
            sent = f"{number}.{count}".encode()
            answer = await client.ask("POST", "/v1/models/iris:predict", sent)
            answers.append((answer.status, sent, answer.body))
            count += 1

    tasks = [asyncio.ensure_future(hammer(n)) for n in range(8)]
    for turn in range(60):
        chosen = replicas[turn % 4], replicas[(turn + 1) % 4]
        gateway.update([world.service(*chosen)])
        await asyncio.sleep(0.01)
    stop = True
    await asyncio.gather(*tasks)
    assert len(answers) > 200
    assert [a for a in answers if a[0] != 200 or a[1] != a[2]] == []
    assert gateway.report()["default/iris"]["in_flight"] == 0


async def test_drain_finishes_what_is_under_way_and_closes_idle_clients(
    world: Any,
) -> None:
    release = asyncio.Event()

    async def slow(message: Any, _reader: Any, writer: Any) -> None:
        await release.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    replica = await world.replica(slow)
    gateway = await world.serve(replica)
    idle, busy = await world.client(), await world.client()
    pending = asyncio.ensure_future(busy.ask("GET", "/"))
    await world.until(lambda: replica.requests)
    draining = asyncio.ensure_future(gateway.drain(5))
    assert await idle.rest() == b""
    with pytest.raises(OSError, match=r"."):
        await asyncio.open_connection("127.0.0.1", world.port)
    release.set()
    answer = await pending
    assert (answer.status, answer.header("connection")) == (200, "close")
    await draining
    assert gateway.connections == 0


async def test_drain_gives_up_after_its_timeout(world: Any) -> None:
    async def never(message: Any, _reader: Any, writer: Any) -> None:
        await asyncio.sleep(60)

    replica = await world.replica(never)
    gateway = await world.serve(replica)
    client = await world.client()
    pending = asyncio.ensure_future(client.ask("GET", "/"))
    await world.until(lambda: replica.requests)
    await gateway.drain(0.1)
    assert gateway.connections == 1
    await gateway.stop()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await pending
    assert gateway.connections == 0


async def test_stop_fails_who_waits_and_leaves_no_task(world: Any) -> None:
    gateway = await world.start(world.service())
    client = await world.client()
    pending = asyncio.ensure_future(client.ask("GET", "/"))
    await world.until(lambda: gateway.report()["default/iris"]["waiting"])
    await gateway.stop()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await pending


async def test_report_counts_per_service_revision_and_endpoint(world: Any) -> None:
    replica = await world.replica(id="pod-1")
    gateway = await world.serve(replica)
    await world.ask("GET", "/")
    await world.ask("GET", "/")
    assert gateway.report() == {
        "default/iris": {
            "in_flight": 0,
            "waiting": 0,
            "requests": 2,
            "errors": 0,
            "revisions": {
                "1": {"weight": 100, "in_flight": 0, "waiting": 0, "requests": 2}
            },
            "endpoints": {
                "pod-1": {"revision": "1", "in_flight": 0, "requests": 2, "errors": 0}
            },
        }
    }


async def test_counts_survive_an_update(world: Any) -> None:
    replica = await world.replica()
    gateway = await world.serve(replica)
    await world.ask("GET", "/")
    gateway.update([world.service(replica, models=("iris", "iris2"))])
    assert gateway.report()["default/iris"]["requests"] == 1
    assert gateway.report()["default/iris"]["endpoints"]["r0"]["requests"] == 1


async def test_connections_above_the_limit_are_told_to_come_back(world: Any) -> None:
    await world.start(max_connections=1)
    first = await world.client()
    assert (await first.ask("GET", "/healthz", Host="x")).status == 200
    second = await world.client()
    answer = await second.answer()
    assert (answer.status, answer.header("retry-after")) == (503, "1")
    assert answer.error == "the gateway has 1 connections already; try again"
    assert await second.rest() == b""
    assert (await first.ask("GET", "/healthz", Host="x")).status == 200


async def test_events_tell_of_held_requests_and_refused_connections(
    world: Any, unused_port: Any
) -> None:
    endpoint = Endpoint("127.0.0.1", unused_port, "dead")
    service = world.service(targets=(Target("1", 100, (endpoint,)),))
    await world.start(service, refused_hold_seconds=0)
    answer = await world.ask("GET", "/")
    assert answer.status == 502
    event = world.events[0]
    assert (event.kind, event.namespace, event.name) == ("refused", "default", "iris")
    assert event.endpoint == "dead"


async def test_a_failing_receiver_of_events_disturbs_nobody(
    world: Any, caplog: Any
) -> None:
    def broken(event: Any) -> Never:
        msg = "no"
        raise RuntimeError(msg)

    gateway = Gateway(GatewaySettings(port=0, hold_seconds=0.1), on_event=broken)
    world._gateways.append(gateway)
    world.port = await gateway.start()
    gateway.update([Service("default", "iris", ("iris-default.example.com",))])
    answer = await world.ask("GET", "/")
    assert answer.status == 503
    assert "the receiver of gateway events failed" in caplog.text


async def test_answers_are_json_with_an_error_of_one_line(world: Any) -> None:
    await world.start()
    answer = await world.ask("GET", "/nothing", Host="x")
    assert answer.header("content-type") == "application/json"
    assert list(json.loads(answer.body)) == ["error"]
    assert "\n" not in answer.error
