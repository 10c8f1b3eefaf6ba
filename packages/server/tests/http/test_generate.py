"""The generate extension, whole and as a stream."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import served_models

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from serving import Serve, SpecOf

URL = "/v2/models/m/generate"


@pytest.fixture
async def pair(serve: Serve, spec: SpecOf) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(spec("Pair")) as (_, client):
        yield client


@pytest.fixture
async def counter(serve: Serve, spec: SpecOf) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(spec("Counter")) as (_, client):
        yield client


def events(answer: httpx.Response) -> list[Any]:
    blocks = answer.text.split("\n\n")
    assert blocks.pop() == ""
    assert all(block.startswith("data: ") for block in blocks)
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


async def test_keys_are_inputs_and_outputs_are_flat(pair: Any) -> None:
    answer = await pair.post(URL, json={"text": "a", "size": 3, "id": "7", "x": 1})
    assert answer.status_code == 200
    assert answer.json() == {
        "model_name": "m",
        "model_version": "2",
        "id": "7",
        "text": "a",
        "size": 3,
    }


async def test_lists_become_tensors_of_the_shape_that_is_declared(pair: Any) -> None:
    body = {"text": ["a", "ü"], "size": [1, 2]}
    answer = await pair.post("/v2/models/m/versions/1/generate", json=body)
    assert answer.json()["text"] == ["a", "ü"]
    assert answer.json()["size"] == [1, 2]
    assert answer.json()["model_version"] == "1"


async def test_inputs_may_stand_among_the_parameters(pair: Any) -> None:
    body = {"text": "a", "parameters": {"size": 1, "temperature": 0.5}}
    assert (await pair.post(URL, json=body)).json()["size"] == 1


async def test_a_model_that_declares_nothing_takes_every_key(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Echo")) as (_, client):
        body = {"a": 1, "b": [0.5, 1], "c": "x", "d": True}
        answer = (await client.post(URL, json=body)).json()
        assert answer == {"model_name": "m", "model_version": "1", **body}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"text": "a"}, "missing input 'size'"),
        ({"text": "a", "size": "x"}, "expected an integer"),
        ({"text": "a", "size": 1, "parameters": {"o": {}}}, "'o' is an object"),
        ({"text": "a", "size": 1, "parameters": 3}, "'parameters' is an integer"),
        ({"text": "a", "size": 1, "timeout": "soon"}, "microseconds"),
        ([], "expected an object"),
        ({"text": "a", "size": 1, "id": {}}, "'id'"),
        ({"text": [["a"]], "size": 1}, "shape"),
    ],
)
@pytest.mark.parametrize("url", [URL, f"{URL}_stream"])
async def test_a_bad_request_is_refused(
    pair: Any, url: str, body: Any, text: str
) -> None:
    answer = await pair.post(url, json=body)
    assert answer.status_code == 400
    assert text in answer.json()["error"]


async def test_each_answer_of_a_stream_is_an_event(counter: Any) -> None:
    answer = await counter.post(f"{URL}_stream", json={"count": 3})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert events(answer) == [
        {"model_name": "m", "model_version": "1", "n": number} for number in range(3)
    ]


async def test_a_model_without_stream_gives_one_event(pair: Any) -> None:
    answer = await pair.post(f"{URL}_stream", json={"text": "a", "size": 3})
    assert [event["text"] for event in events(answer)] == ["a"]


async def test_no_answer_at_all_is_an_empty_stream(counter: Any) -> None:
    answer = await counter.post(f"{URL}_stream", json={"count": 0})
    assert (answer.status_code, events(answer)) == (200, [])


async def test_an_error_before_the_first_answer_has_a_status(counter: Any) -> None:
    answer = await counter.post(f"{URL}_stream", json={"count": -1})
    assert answer.status_code == 400
    assert answer.json() == {"error": "count is negative"}


async def test_an_error_later_is_the_last_event(counter: Any) -> None:
    answer = await counter.post(f"{URL}_stream", json={"count": 100})
    assert answer.status_code == 200
    *good, last = events(answer)
    assert len(good) == 10
    assert last == {"error": "ten is enough"}
    counts = (await counter.get("/v2/models/m/stats")).json()["model_stats"][0]
    assert counts["inference_stats"]["fail"]["count"] == 1


async def test_a_client_that_leaves_ends_the_stream(counter: Any) -> None:
    served_models.Counter.closed = asyncio.Event()  # of this test's loop
    async with counter.stream(
        "POST", f"{URL}_stream", json={"count": 5, "pause": 1000}
    ) as answer:
        assert (await anext(answer.aiter_lines())).startswith("data: ")
    async with asyncio.timeout(5):
        await served_models.Counter.closed.wait()


@pytest.mark.parametrize("kind", ["generate", "generate_stream"])
async def test_paths_and_methods(counter: Any, kind: str) -> None:
    assert (await counter.get(f"/v2/models/m/{kind}")).status_code == 405
    missing = await counter.post(f"/v2/models/x/{kind}", json={"count": 1})
    assert missing.status_code == 404
    assert list(missing.json()) == ["error"]


async def test_the_timeout_of_a_request_ends_it(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("SlowAsync", options={"seconds": 5})) as (_, client):
        answer = await client.post(URL, json={"x": 1, "parameters": {"timeout": 9000}})
        # A model that declares nothing takes the keys beside 'parameters' as inputs.
        assert answer.status_code == 504
