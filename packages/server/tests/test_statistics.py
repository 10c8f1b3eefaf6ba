"""What is counted of calls."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx

from inferry_server.calls import Calls
from inferry_server.statistics import Duration, Statistics

if TYPE_CHECKING:
    import pytest
    from serving import Serve, SpecOf

    from inferry_server.calls import Protocol

MS = 1_000_000


class Clock:
    """Stands for `time.perf_counter_ns` where calls begin and end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1
        monkeypatch.setattr("inferry_server.calls.perf_counter_ns", lambda: self.now)
        monkeypatch.setattr(
            "inferry_server.statistics.perf_counter_ns", lambda: self.now
        )


def answered(
    clock: Clock,
    calls: Calls,
    *,
    model: str = "m",
    code: int = 200,
    protocol: Protocol = "v2",
    stations: bool = True,
    **more: Any,
) -> None:
    """One call that takes 1 ms to decode, 2 in the queue, 4 in the model, 8 after."""
    call = calls.begin(protocol, {})
    for name, value in more.items():
        setattr(call, name, value)
    if stations:
        call.queued = clock.now + MS
        call.started = call.queued + 2 * MS
        call.ended = call.started + 4 * MS
    clock.now += 15 * MS
    calls.end(call, model, code, received=100, sent=10)


def test_a_success_counts_in_all_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    statistics = Statistics()
    answered(Clock(monkeypatch), Calls(statistics), rows=3)
    seen = statistics.of("m")
    assert (seen.inference_count, seen.execution_count) == (3, 1)
    assert seen.success == Duration(1, 15 * MS)
    assert seen.queue == Duration(1, 2 * MS)
    assert seen.compute_input == Duration(1, MS)
    assert seen.compute_infer == Duration(1, 4 * MS)
    assert seen.compute_output == Duration(1, 8 * MS)
    assert seen.fail == Duration(0, 0)


def test_a_failure_counts_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    statistics = Statistics()
    clock = Clock(monkeypatch)
    answered(clock, Calls(statistics), code=500)
    answered(clock, Calls(statistics), code=400, stations=False)
    seen = statistics.of("m")
    assert seen.fail == Duration(2, 30 * MS)
    assert (seen.success, seen.inference_count) == (Duration(0, 0), 0)
    assert seen.batch_stats == ()


def test_calls_of_one_batch_are_one_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven calls of one row each and one call of nine rows made a batch of 16."""
    statistics = Statistics()
    clock = Clock(monkeypatch)
    for rows in (1, 1, 1, 1, 1, 1, 1, 9):
        answered(clock, Calls(statistics), rows=rows, batch=16)
    answered(clock, Calls(statistics), rows=2)
    seen = statistics.of("m")
    assert (seen.inference_count, seen.execution_count) == (18, 2)
    two, sixteen = seen.batch_stats
    assert (two.batch_size, sixteen.batch_size) == (2, 16)
    assert sixteen.compute_infer == Duration(1, 4 * MS)


def test_a_batch_counts_though_one_of_its_clients_has_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    statistics = Statistics()
    clock = Clock(monkeypatch)
    answered(clock, Calls(statistics), batch=2)
    answered(clock, Calls(statistics), batch=2, code=499)
    seen = statistics.of("m")
    assert (seen.inference_count, seen.execution_count) == (1, 1)


def test_many_batch_sizes_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    statistics = Statistics()
    clock = Clock(monkeypatch)
    for rows in range(1, 2001):
        answered(clock, Calls(statistics), rows=rows)
    seen = statistics.of("m")
    assert len(seen.batch_stats) < 300
    assert (seen.inference_count, seen.execution_count) == (2_001_000, 2000)


def test_the_last_inference_is_in_milliseconds_since_1970() -> None:
    statistics = Statistics()
    calls = Calls(statistics)
    assert statistics.of("m").last_inference == 0
    call = calls.begin("grpc", {})
    call.queued = call.started = call.ended = time.perf_counter_ns()
    calls.end(call, "m", 200)
    assert abs(statistics.of("m").last_inference - time.time() * 1000) < 1000


def test_a_call_is_in_flight_until_it_ends() -> None:
    statistics = Statistics()
    calls = Calls(statistics)
    first, second = calls.begin("v2", {}), calls.begin("grpc", {})
    assert statistics.in_flight == {"v1": 0, "v2": 1, "grpc": 1, "openai": 0}
    calls.end(first, "m", 200)
    calls.end(second, "", 404)
    assert not any(statistics.in_flight.values())


async def test_an_input_of_a_fixed_shape_is_one_row(serve: Serve, spec: SpecOf) -> None:
    tensor = {"name": "x", "datatype": "FP32", "shape": [3, 2], "data": [0] * 6}
    async with serve(spec("Fixed"), spec("Echo", name="e")) as (server, client):
        for name in ("m", "e"):
            body = {"inputs": [tensor]}
            answer = await client.post(f"/v2/models/{name}/infer", json=body)
            assert answer.status_code == 200
        assert server.statistics.of("m").inference_count == 1
        assert server.statistics.of("e").inference_count == 3


async def test_counts_survive_a_reload(serve: Serve, spec: SpecOf) -> None:
    body = {"instances": [[1, 2, 3, 4]]}
    async with serve(spec("Iris")) as (server, client):
        await client.post("/v1/models/m:predict", json=body)
        await server.load(spec("Iris"))
        await client.post("/v1/models/m:predict", json=body)
        assert server.statistics.of("m").inference_count == 2


async def test_a_client_that_left_is_in_flight_no_more(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("SlowAsync", options={"seconds": 30})) as (server, client):
        with suppress(httpx.TimeoutException):
            await client.post(
                "/v1/models/m:predict", json={"instances": [1]}, timeout=1
            )
        for _ in range(500):
            if server.statistics.in_flight["v1"]:
                await asyncio.sleep(0.01)
        assert server.statistics.in_flight["v1"] == 0
        assert server.statistics.of("m").fail.count == 1
