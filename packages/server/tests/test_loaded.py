"""A model that is loaded: how its requests are merged, and what it says of itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import served_models

from inferry_server import Batching

if TYPE_CHECKING:
    import httpx
    from serving import Serve, SpecOf


def v1(number: float) -> tuple[str, dict[str, Any]]:
    """Return a V1 request for the sum of four times *number*."""
    return "/v1/models/m:predict", {"instances": [[number] * 4]}


def v2(number: float) -> tuple[str, dict[str, Any]]:
    """Return the same request in V2."""
    data = [number] * 4
    tensor = {"name": "input", "datatype": "FP32", "shape": [1, 4], "data": data}
    return "/v2/models/m/infer", {"inputs": [tensor]}


async def ask(
    client: httpx.AsyncClient, *requests: tuple[str, dict[str, Any]]
) -> list[httpx.Response]:
    """Send all *requests* at one time."""
    return await asyncio.gather(
        *(client.post(path, json=body) for path, body in requests)
    )


async def test_requests_of_both_protocols_are_merged_and_each_gets_its_own(
    serve: Serve, spec: SpecOf
) -> None:
    batched = spec("SlowRows", batching=Batching(max_size=8))
    async with serve(batched) as (_, client):
        served_models.SlowRows.sizes.clear()
        replies = await ask(client, *(v2(n) for n in range(10)), *map(v1, range(10)))
        sums = [reply.json()["outputs"][0]["data"] for reply in replies[:10]]
        assert sums == [[4.0 * n] for n in range(10)]
        rows = [reply.json()["predictions"] for reply in replies[10:]]
        assert rows == [[4.0 * n] for n in range(10)]
        sizes = served_models.SlowRows.sizes
        assert sum(sizes) == 20
        assert len(sizes) < 10
        assert max(sizes) <= 8
        metrics = (await client.get("/metrics")).text
        assert "inferry_batch_size_bucket" in metrics


async def test_one_bad_item_fails_alone(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("SlowRows", batching=Batching(max_size=8))) as (_, client):
        replies = await ask(client, *(v2(n - 2) for n in range(6)))
        assert [reply.status_code for reply in replies] == [400, 400, *[200] * 4]


async def test_a_model_that_is_not_row_wise_is_not_batched_and_says_so(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Iris", batching=Batching())) as (server, client):
        assert "not batched" in server.states()["m"].message
        (reply,) = await ask(client, v2(1))
        assert reply.status_code == 200


async def test_a_request_without_inputs_is_refused(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Echo")) as (_, client):
        (reply,) = await ask(client, ("/v2/models/m/infer", {"inputs": []}))
        assert reply.status_code == 400
        assert "no inputs" in reply.json()["error"]


async def test_an_answer_names_the_newest_version(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Iris")) as (_, client):
        (reply,) = await ask(client, v2(1))
        assert reply.json()["model_version"] == "1"
