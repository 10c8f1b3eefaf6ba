"""gRPC calls through the gateway: both ways, held, timed, cancelled."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from grpc import StatusCode

from inferry_gateway import Endpoint, Target
from inferry_gateway._balancing import Balancer
from inferry_gateway._grpc.messages import text

if TYPE_CHECKING:
    import pytest

MIB = 1024 * 1024


def message(do: str = "", model: str = "iris") -> bytes:
    return text(1, model) + text(9, do)


async def test_a_call_reaches_the_replica_and_its_answer_the_client(calls: Any) -> None:
    replica = await calls.replica()
    await calls.serve(replica)
    answer = await calls.infer(calls.channel(), do="hello")
    assert answer == message("hello")
    assert replica.methods == ["/inference.GRPCInferenceService/ModelInfer"]


async def test_metadata_passes_both_ways(calls: Any) -> None:
    replica = await calls.replica()
    await calls.serve(replica)
    sent = (("x-request-id", "7"), ("x-raw-bin", b"\0\xff"))
    call = calls.infer(calls.channel(), do="!head", metadata=sent)
    await call
    assert set(sent) < set(replica.seen[0])
    assert tuple(await call.initial_metadata()) == (("x-first", "1"),)
    trailing = tuple(await call.trailing_metadata())
    assert trailing == (("x-last", "2"), ("x-raw-bin", b"\0\1"))


async def test_the_replica_learns_who_asked_for_what(calls: Any) -> None:
    replica = await calls.replica()
    await calls.serve(replica)
    spoofed = (("x-forwarded-for", "6.6.6.6"), ("inferry-peer", "6.6.6.6"))
    host = "iris-default.example.com"
    await calls.infer(calls.channel(authority=host), metadata=spoofed)
    seen = dict(replica.seen[0])
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-host"] == host
    assert not [name for name in seen if name.startswith("inferry-")]


async def test_an_error_of_the_replica_passes_as_it_is(calls: Any) -> None:
    replica = await calls.replica()
    gateway = await calls.serve(replica)
    error = await calls.error(calls.infer(calls.channel(), do="!fail"))
    assert error.code() is StatusCode.FAILED_PRECONDITION
    assert error.details() == "not today"
    assert tuple(error.trailing_metadata()) == (("x-why", "rain"),)
    report = gateway.report()["default/iris"]
    assert (report["requests"], report["errors"], report["in_flight"]) == (1, 0, 0)


async def test_what_a_replica_says_before_an_error_passes_too(calls: Any) -> None:
    await calls.serve(await calls.replica())
    call = calls.infer(calls.channel(), do="!head !fail")
    error = await calls.error(call)
    assert error.code() is StatusCode.FAILED_PRECONDITION
    assert tuple(error.initial_metadata()) == (("x-first", "1"),)


async def test_a_fault_of_the_gateway_shows_nothing_of_its_inside(
    calls: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        msg = "secret"
        raise KeyError(msg)

    gateway = await calls.serve(await calls.replica())
    with monkeypatch.context() as patched:
        patched.setattr(Balancer, "place", broken)
        error = await calls.error(calls.infer(calls.channel()))
    assert (error.code(), error.details()) == (
        StatusCode.INTERNAL,
        "the gateway failed; see its log",
    )
    assert "secret" in caplog.text
    assert gateway.report()["default/iris"]["errors"] == 1


async def test_messages_of_megabytes_pass_up_to_the_limit(calls: Any) -> None:
    replica = await calls.replica()
    await calls.serve(replica, settings={"max_message_bytes": 6 * MIB})
    channel = calls.channel()
    big = "x" * (5 * MIB)
    assert await calls.infer(channel, do=big) == message(big)
    error = await calls.error(calls.infer(channel, do=big + "x" * MIB))
    assert error.code() is StatusCode.RESOURCE_EXHAUSTED
    assert await calls.infer(channel) == message()


async def test_requests_together_take_bounded_memory(calls: Any) -> None:
    replica = await calls.replica()
    await calls.serve(replica, settings={"max_held_bytes": MIB})
    channel = calls.channel()
    waiting = asyncio.create_task(_result(calls.infer(channel, do="!wait")))
    await calls.world.until(lambda: replica.started)
    error = await calls.error(calls.infer(channel, do="x" * MIB))
    assert error.code() is StatusCode.RESOURCE_EXHAUSTED
    assert "gateway.max_held_bytes" in error.details()
    replica.gate.set()
    await waiting
    assert await calls.infer(channel) == message()


async def test_a_stream_passes_message_by_message(calls: Any) -> None:
    replica = await calls.replica()
    await calls.serve(replica)
    stream = calls.stream(calls.channel())
    for number in range(5):
        await stream.write(message(str(number)))
        assert await stream.read() == message(str(number))
    await stream.done_writing()
    assert not await stream.read()
    assert await stream.code() is StatusCode.OK


async def test_a_stream_ends_with_the_replicas_error(calls: Any) -> None:
    replica = await calls.replica()
    await calls.serve(replica)
    stream = calls.stream(calls.channel())
    await stream.write(message("one"))
    assert await stream.read() == message("one")
    await stream.write(message("!fail"))
    error = await calls.error(stream.read())
    assert (error.code(), error.details()) == (
        StatusCode.FAILED_PRECONDITION,
        "not today",
    )
    assert tuple(error.trailing_metadata()) == (("x-why", "rain"),)


async def test_a_stream_of_nobody_is_refused(calls: Any) -> None:
    await calls.serve(await calls.replica())
    stream = calls.stream(calls.channel())
    await stream.done_writing()
    error = await calls.error(stream.read())
    assert error.code() is StatusCode.INVALID_ARGUMENT


async def test_cancelling_a_call_cancels_it_at_the_replica(calls: Any) -> None:
    replica = await calls.replica()
    gateway = await calls.serve(replica, slots=1)
    call = calls.infer(calls.channel(), do="!wait")
    await calls.world.until(lambda: replica.started)
    call.cancel()
    await calls.world.until(lambda: replica.cancelled)
    await calls.world.until(lambda: gateway.report()["default/iris"]["in_flight"] == 0)
    metrics = await calls.world.ask("GET", "/metrics", Host="x")
    assert b'code="499"' in metrics.body


async def test_a_client_that_leaves_cancels_its_stream(calls: Any) -> None:
    replica = await calls.replica()
    gateway = await calls.serve(replica)
    channel = calls.channel()
    stream = calls.stream(channel)
    await stream.write(message("!wait"))
    await calls.world.until(lambda: replica.started)
    await channel.close()
    await calls.world.until(lambda: replica.cancelled)
    await calls.world.until(lambda: gateway.report()["default/iris"]["in_flight"] == 0)


async def test_the_clients_deadline_reaches_the_replica(calls: Any) -> None:
    replica = await calls.replica()
    await calls.serve(replica)
    began = time.monotonic()
    error = await calls.error(calls.infer(calls.channel(), do="!wait", timeout=0.3))
    assert error.code() is StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - began < 2
    assert 0 < replica.deadlines[0] <= 0.3
    await calls.world.until(lambda: replica.cancelled)


async def test_the_services_timeout_is_the_longest_a_call_takes(calls: Any) -> None:
    replica = await calls.replica()
    gateway = await calls.serve(replica, timeout=0.2)
    error = await calls.error(calls.infer(calls.channel(), do="!wait"))
    assert error.code() is StatusCode.DEADLINE_EXCEEDED
    assert error.details() == (
        "service default/iris did not answer within its timeout of 0.2 s; raise "
        "spec.predictor.timeout or send less"
    )
    assert gateway.report()["default/iris"]["errors"] == 1


async def test_a_stream_may_rest_but_its_answers_have_a_timeout(calls: Any) -> None:
    replica = await calls.replica()
    await calls.serve(replica, timeout=0.3)
    stream = calls.stream(calls.channel())
    await stream.write(message("a"))
    assert await stream.read() == message("a")
    await asyncio.sleep(0.6)
    await stream.write(message("!wait"))
    await stream.done_writing()
    error = await calls.error(stream.read())
    assert error.code() is StatusCode.DEADLINE_EXCEEDED
    await calls.world.until(lambda: replica.cancelled)


async def test_a_call_waits_for_a_slot_and_says_so_when_none_comes(calls: Any) -> None:
    replica = await calls.replica()
    await calls.serve(replica, slots=1, settings={"hold_seconds": 0.3})
    channel = calls.channel()
    first = calls.infer(channel, do="!wait")
    await calls.world.until(lambda: replica.started)
    error = await calls.error(calls.infer(channel))
    assert error.code() is StatusCode.UNAVAILABLE
    assert error.details() == (
        "service default/iris has no free replica (waited 0.3 s)"
    )
    second = asyncio.create_task(_result(calls.infer(channel)))
    replica.gate.set()
    assert await first == message("!wait")
    assert await second == message()


async def test_a_waiting_call_goes_on_when_a_replica_comes(calls: Any) -> None:
    gateway = await calls.serve()
    waiting = asyncio.create_task(_result(calls.infer(calls.channel())))
    await calls.world.until(lambda: gateway.report()["default/iris"]["waiting"])
    assert [event.kind for event in calls.world.events] == ["held"]
    gateway.update([calls.service(await calls.replica())])
    assert await waiting == message()


async def test_a_cancelled_call_leaves_the_queue(calls: Any) -> None:
    gateway = await calls.serve()
    call = calls.infer(calls.channel())
    await calls.world.until(lambda: gateway.report()["default/iris"]["waiting"])
    call.cancel()
    await calls.world.until(
        lambda: gateway.report()["default/iris"]["waiting"] == 0,
    )


async def test_calls_are_spread_over_replicas_by_load(calls: Any) -> None:
    replicas = [await calls.replica() for _ in range(3)]
    await calls.serve(*replicas)
    channel = calls.channel()
    for _ in range(9):
        await calls.infer(channel)
    assert [replica.started for replica in replicas] == [3, 3, 3]


async def test_weights_hold_for_calls_too(calls: Any) -> None:
    old, new = await calls.replica(), await calls.replica()
    targets = (Target("1", 80, (old.endpoint,)), Target("2", 20, (new.endpoint,)))
    await calls.serve(targets=targets)
    channel = calls.channel()
    for _ in range(10):
        await calls.infer(channel)
    assert (old.started, new.started) == (8, 2)


async def test_a_replica_that_refuses_is_left_for_another(
    calls: Any, unused_port: int
) -> None:
    replica = await calls.replica()
    dead = Endpoint("127.0.0.1", unused_port, "dead", unused_port)
    gateway = await calls.serve(targets=(Target("1", 100, (dead, replica.endpoint)),))
    channel = calls.channel()
    for _ in range(4):
        assert await calls.infer(channel) == message()
    assert [event.kind for event in calls.world.events] == ["refused"]
    assert gateway.report()["default/iris"]["endpoints"]["dead"]["errors"] == 1


async def test_nobody_listening_is_said_after_a_while(
    calls: Any, unused_port: int
) -> None:
    dead = Endpoint("127.0.0.1", unused_port, "dead", unused_port)
    await calls.serve(
        targets=(Target("1", 100, (dead,)),), settings={"refused_hold_seconds": 0.3}
    )
    error = await calls.error(calls.infer(calls.channel()))
    assert error.code() is StatusCode.UNAVAILABLE
    assert "no replica of service default/iris accepts connections" in error.details()


async def test_a_replica_that_comes_late_is_found(calls: Any, unused_port: int) -> None:
    late = Endpoint("127.0.0.1", unused_port, "late", unused_port)
    await calls.serve(targets=(Target("1", 100, (late,)),))
    waiting = asyncio.create_task(_result(calls.infer(calls.channel())))
    await calls.world.until(lambda: calls.world.events)
    await calls.replica(unused_port)
    assert await waiting == message()


async def test_a_replica_that_dies_under_a_call_is_unavailable(calls: Any) -> None:
    replica = await calls.replica()
    await calls.serve(replica)
    call = asyncio.create_task(_result(calls.infer(calls.channel(), do="!wait")))
    await calls.world.until(lambda: replica.started)
    await replica.stop()
    error = await calls.error(call)
    assert error.code() is StatusCode.UNAVAILABLE


async def test_a_service_without_grpc_says_so(calls: Any) -> None:
    plain = Endpoint("127.0.0.1", 1, "plain")
    await calls.serve(targets=(Target("1", 100, (plain,)),))
    error = await calls.error(calls.infer(calls.channel()))
    assert error.code() is StatusCode.UNIMPLEMENTED
    assert "does not answer gRPC" in error.details()


async def test_an_update_lets_calls_finish_where_they_are(calls: Any) -> None:
    old, new = await calls.replica(), await calls.replica()
    gateway = await calls.serve(old)
    channel = calls.channel()
    under_way = asyncio.create_task(_result(calls.infer(channel, do="!wait")))
    await calls.world.until(lambda: old.started)
    gateway.update([calls.service(new)])
    assert await calls.infer(channel) == message()
    assert (old.started, new.started) == (1, 1)
    old.gate.set()
    assert await under_way == message("!wait")


async def test_a_busy_service_says_that_it_is_ready_at_once(calls: Any) -> None:
    replica = await calls.replica()
    await calls.serve(replica, slots=1)
    channel = calls.channel()
    blocking = [
        asyncio.create_task(_result(calls.infer(channel, do="!wait"))) for _ in range(3)
    ]
    await calls.world.until(lambda: replica.started)
    await calls.infer(channel, method="ModelReady", timeout=1)
    assert replica.methods[-1].endswith("ModelReady")
    replica.gate.set()
    await asyncio.gather(*blocking)


async def test_draining_finishes_calls_and_stops(calls: Any) -> None:
    replica = await calls.replica()
    gateway = await calls.serve(replica)
    call = asyncio.create_task(_result(calls.infer(calls.channel(), do="!wait")))
    await calls.world.until(lambda: replica.started)
    draining = asyncio.create_task(gateway.drain(5))
    await asyncio.sleep(0.1)
    replica.gate.set()
    assert await call == message("!wait")
    await asyncio.wait_for(draining, 3)


async def _result(call: Any) -> Any:
    return await call
