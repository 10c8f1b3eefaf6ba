"""Turns: how many run, how many wait, what is dropped."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import served_models

from inferry_server.states import Batching

if TYPE_CHECKING:
    import httpx
    from serving import Serve, SpecOf


BODY = {"instances": [1]}
PATH = "/v1/models/m:predict"


async def many(client: httpx.AsyncClient, count: int) -> list[httpx.Response]:
    return await asyncio.gather(*(client.post(PATH, json=BODY) for _ in range(count)))


@pytest.mark.parametrize(
    ("target", "concurrency", "expected"),
    [("Slow", 0, 1), ("Slow", 5, 1), ("ThreadSafe", 0, 3), ("ThreadSafe", 2, 2)],
)
async def test_so_many_calls_run_at_one_time(
    serve: Serve, spec: SpecOf, target: str, concurrency: int, expected: Any
) -> None:
    what = spec(target, options={"seconds": 0.05}, concurrency=concurrency)
    async with serve(what) as (_, client):
        replies = await many(client, 8)
        assert {reply.status_code for reply in replies} == {200}
        assert getattr(served_models, target).most_active == expected


async def test_async_models_run_side_by_side(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("SlowAsync", options={"seconds": 0.2})) as (_, client):
        began = time.monotonic()
        replies = await many(client, 20)
        assert {reply.status_code for reply in replies} == {200}
        assert time.monotonic() - began < 2


async def test_a_full_queue_answers_503_at_once(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Slow", options={"seconds": 0.5}), queue_size=2) as (
        _,
        client,
    ):
        waiting = [asyncio.create_task(client.post(PATH, json=BODY)) for _ in range(3)]
        await asyncio.sleep(0.2)
        began = time.monotonic()
        reply = await client.post(PATH, json=BODY)
        took = time.monotonic() - began
        assert reply.status_code == 503
        assert int(reply.headers["retry-after"]) >= 1
        assert "busy: 1 requests run and 2 wait" in reply.json()["error"]
        assert took < 0.2
        replies = await asyncio.gather(*waiting)
        assert {reply.status_code for reply in replies} == {200}


async def test_health_answers_while_predict_blocks(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Slow", options={"seconds": 1.0})) as (_, client):
        asking = asyncio.create_task(many(client, 2))
        await asyncio.sleep(0.1)
        times = []
        while not asking.done():
            began = time.monotonic()
            assert (await client.get("/v2/health/live")).status_code == 200
            times.append(time.monotonic() - began)
            await asyncio.sleep(0.005)
        await asking
        # Were it blocked, it would take as long as predict: a second.
        assert len(times) > 10
        assert statistics.quantiles(times, n=100)[98] < 0.5


async def test_a_late_answer_is_a_504_and_the_work_that_waits_never_starts(
    serve: Serve, spec: SpecOf
) -> None:
    what = spec("Slow", options={"seconds": 0.6})
    async with serve(what, request_timeout=0.2) as (_, client):
        replies = await many(client, 3)
        assert {reply.status_code for reply in replies} == {504}
        await asyncio.sleep(0.7)
        assert served_models.Slow.calls == 1


async def test_a_late_async_call_is_cancelled(serve: Serve, spec: SpecOf) -> None:
    served_models.SlowAsync.cancelled = 0
    what = spec("SlowAsync", options={"seconds": 30})
    async with serve(what, request_timeout=0.1) as (_, client):
        assert (await client.post(PATH, json=BODY)).status_code == 504
        await asyncio.sleep(0.05)
        assert served_models.SlowAsync.cancelled == 1


async def test_work_whose_client_has_left_never_starts(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Slow", options={"seconds": 0.5})) as (server, client):
        first = asyncio.create_task(client.post(PATH, json=BODY))
        await asyncio.sleep(0.1)
        left = [asyncio.create_task(client.post(PATH, json=BODY)) for _ in range(3)]
        await asyncio.sleep(0.1)
        execution = server.models.get("m").execution
        assert execution.waiting == 3
        for task in left:
            task.cancel()
        await asyncio.sleep(0.1)
        assert execution.waiting == 0
        assert (await first).status_code == 200
        await asyncio.sleep(0.1)
        assert served_models.Slow.calls == 1
        assert (await client.post(PATH, json=BODY)).status_code == 200


@pytest.mark.parametrize("lane", [True, False])
@pytest.mark.parametrize("what", sorted(served_models.Escapes.errors))
@pytest.mark.parametrize(
    "target", ["Escapes", "EscapesInThread", "EscapesBatched", "EscapesAsync"]
)
async def test_whatever_a_model_raises_is_a_500_and_the_end_of_that_call_only(
    serve: Serve, spec: SpecOf, target: str, what: str, *, lane: bool
) -> None:
    batching = Batching() if target == "EscapesBatched" else None
    what = spec(target, options={"what": what}, batching=batching)
    async with serve(what, fast_lane=lane) as (server, client):
        for _ in range(12):  # from then on a quick model runs on the event loop
            assert (await client.post(PATH, json=BODY)).status_code == 200
        reply = await client.post(PATH, json={"instances": [-1]}, timeout=5)
        assert reply.status_code == 500
        assert reply.json()["error"].startswith("internal error, id ")
        assert (await client.post(PATH, json=BODY)).status_code == 200
        assert server.statistics.in_flight["v1"] == 0
        assert server.models.get("m").execution.running == 0


@pytest.mark.parametrize("what", sorted(served_models.Escapes.errors))
async def test_whatever_a_stream_raises_ends_that_stream_only(
    serve: Serve, spec: SpecOf, what: str
) -> None:
    specs = spec("EscapesAsync", options={"what": what})
    async with serve(specs) as (server, client):
        path = "/v2/models/m/generate_stream"
        reply = await client.post(path, json={"input": -1}, timeout=5)
        assert reply.status_code == 500
        assert (await client.post(path, json={"input": 1})).status_code == 200
        assert server.statistics.in_flight["v2"] == 0


async def test_an_async_call_whose_client_has_left_is_cancelled(
    serve: Serve, spec: SpecOf
) -> None:
    served_models.SlowAsync.cancelled = 0
    async with serve(spec("SlowAsync", options={"seconds": 30})) as (server, client):
        task = asyncio.create_task(client.post(PATH, json=BODY))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.sleep(0.1)
        assert served_models.SlowAsync.cancelled == 1
        assert server.models.get("m").execution.running == 0


async def test_a_quick_model_is_called_without_a_thread(
    serve: Serve, spec: SpecOf
) -> None:
    where: list[str] = []
    predict = served_models.Quick.predict

    def note(self: Any, request: Any) -> Any:
        where.append(threading.current_thread().name)
        return predict(self, request)

    async with serve(spec("Quick")) as (server, client):
        served_models.Quick.predict = note
        try:
            for _ in range(40):
                body = {"instances": [[1, 2, 3, 4]]}
                assert (await client.post(PATH, json=body)).json() == {
                    "predictions": [10.0]
                }
        finally:
            served_models.Quick.predict = predict
        assert where[0].startswith("inferry-m")
        assert where[-1] == threading.current_thread().name
        assert server.models.get("m").execution.running == 0
