"""OpenAI's routes: models, whole answers, streams, errors."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import talking_models

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from serving import Serve, SpecOf

CHAT = "/v1/chat/completions"
TALKER = "talking_models:Talker"


@pytest.fixture
async def talker(serve: Serve, spec: SpecOf) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(spec(TALKER)) as (_, client):
        yield client


def events(answer: httpx.Response) -> list[Any]:
    blocks = answer.text.split("\n\n")
    assert blocks.pop() == ""
    assert blocks.pop() == "data: [DONE]"
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


@pytest.mark.parametrize("prefix", ["", "/openai"])
async def test_a_whole_answer_is_json(talker: Any, prefix: str) -> None:
    answer = await talker.post(prefix + CHAT, json={"model": "m", "words": ["x"]})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"object": "chat.completion", "words": ["x"]}


@pytest.mark.parametrize("prefix", ["", "/openai"])
async def test_a_stream_is_events_and_done(talker: Any, prefix: str) -> None:
    answer = await talker.post(prefix + CHAT, json={"model": "m", "stream": True})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert events(answer) == [{"word": "a"}, {"word": "b"}]


async def test_many_embeddings_are_an_answer(talker: Any) -> None:
    body = {"model": "m", "count": 100}
    answer = await talker.post("/v1/embeddings", json=body)
    assert len(answer.json()["data"]) == 100


async def test_the_only_model_needs_no_name(talker: Any) -> None:
    assert (await talker.post(CHAT, json={})).status_code == 200


async def test_of_two_models_one_must_be_named(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec(TALKER), spec(TALKER, name="n")) as (_, client):
        answer = await client.post(CHAT, json={})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "model"
        assert (await client.post(CHAT, json={"model": "n"})).status_code == 200


async def test_an_unknown_model_is_not_found(talker: Any) -> None:
    answer = await talker.post(CHAT, json={"model": "gpt"})
    assert answer.status_code == 404
    assert answer.json() == {
        "error": {
            "message": "there is no model 'gpt'; this server has 'm'",
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_found",
        }
    }


@pytest.mark.parametrize(
    ("body", "status", "param", "text"),
    [
        (b"{", 400, None, "JSON"),
        (b"", 400, None, "empty"),
        (b"[]", 400, None, "expected an object with 'model'"),
        (b'{"model": 3}', 400, "model", "expected the name of a model"),
        (b'{"model": "m", "bad": true}', 400, "bad", "'bad' is no good"),
        (b'{"model": "m", "stream": true, "words": ["error"]}', 400, None, "no word"),
        (b'{"model": "m", "stream": true, "words": ["bug"]}', 500, None, "internal"),
    ],
)
async def test_an_error_has_a_status_and_openai_s_shape(
    talker: Any, body: bytes, status: int, param: str | None, text: str
) -> None:
    answer = await talker.post(CHAT, content=body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert error["param"] == param
    assert text in error["message"]


async def test_a_model_without_the_operation_says_what_it_has(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec(TALKER), spec("Echo", name="e")) as (_, client):
        answer = await client.post("/v1/rerank", json={"model": "m"})
        assert answer.status_code == 400
        assert "it answers chat/completions, embeddings" in answer.text
        for path in ("/rerank", "/v2/rerank"):
            same = await client.post(path, json={"model": "m"})
            assert (same.status_code, same.json()) == (400, answer.json())
        answer = await client.post(CHAT, json={"model": "e"})
        assert answer.status_code == 400
        assert "none of OpenAI's operations" in answer.text


async def test_a_busy_model_says_when_to_come_back(talker: Any) -> None:
    answer = await talker.post(CHAT, json={"model": "m", "busy": True})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "3"
    assert answer.json()["error"]["code"] == "overloaded"


async def test_an_error_in_mid_stream_is_an_event(talker: Any) -> None:
    body = {"model": "m", "stream": True, "words": ["a", "error", "b"]}
    answer = await talker.post(CHAT, json=body)
    assert answer.status_code == 200
    first, last = events(answer)
    assert first == {"word": "a"}
    assert last["error"]["message"] == "that is no word"


async def test_a_client_that_leaves_ends_the_stream(talker: Any) -> None:
    talking_models.Talker.closed = asyncio.Event()  # of this test's loop
    body = {"model": "m", "stream": True, "pause": 1000}
    async with talker.stream("POST", CHAT, json=body) as answer:
        assert (await anext(answer.aiter_lines())).startswith("data: ")
    async with asyncio.timeout(5):
        await talking_models.Talker.closed.wait()


@pytest.mark.parametrize("streams", [True, False])
async def test_the_timeout_of_a_request_ends_it(
    serve: Serve, spec: SpecOf, *, streams: bool
) -> None:
    body = {"model": "m", "stream": streams, "pause": 1000}
    async with serve(spec(TALKER), request_timeout=0.2) as (_, client):
        answer = await client.post(CHAT, json=body)
        if streams:
            assert events(answer)[-1]["error"]["code"] == "timeout"
        else:
            assert answer.status_code == 504


async def test_an_unload_ends_streams_with_an_error(serve: Serve, spec: SpecOf) -> None:
    body = {"model": "m", "stream": True, "pause": 1000}
    async with (
        serve(spec(TALKER), drain_timeout=0.1) as (server, client),
        client.stream("POST", CHAT, json=body) as answer,
    ):
        lines = answer.aiter_lines()
        assert await anext(lines) == 'data: {"word":"a"}'
        async with asyncio.timeout(5):
            await server.unload("m")
            rest = [line async for line in lines if line]
    assert rest[-1] == "data: [DONE]"
    assert json.loads(rest[-2][6:])["error"]["code"] == "model_not_ready"


async def test_the_end_of_the_server_ends_streams_properly(
    serve: Serve, spec: SpecOf
) -> None:
    body = {"model": "m", "stream": True, "pause": 1000}
    async with (
        serve(spec(TALKER), drain_timeout=0.1, drain_delay=0) as (server, client),
        client.stream("POST", CHAT, json=body) as answer,
    ):
        lines = answer.aiter_lines()
        assert await anext(lines) == 'data: {"word":"a"}'
        ending = asyncio.create_task(server.drain())
        async with asyncio.timeout(5):
            rest = [line async for line in lines if line]
        await ending
    assert rest[-1] == "data: [DONE]"
    assert "the server stops" in rest[-2]


async def test_a_key_that_is_asked_for_is_told_in_openai_s_shape(
    serve: Serve, spec: SpecOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYS", "right")
    async with serve(spec(TALKER), api_keys="env:KEYS") as (_, client):
        answer = await client.post(CHAT, json={"model": "m"})
        assert answer.status_code == 401
        assert answer.json()["error"]["type"] == "authentication_error"
        headers = {"authorization": "Bearer right"}
        answer = await client.post(CHAT, json={"model": "m"}, headers=headers)
        assert answer.status_code == 200


async def test_paths_and_methods(talker: Any) -> None:
    answer = await talker.get(CHAT)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["error"]["type"] == "invalid_request_error"
    answer = await talker.post("/v1/responses", json={})
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_models_are_listed_for_v1_and_openai(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec(TALKER), spec("Iris", name="iris")) as (_, client):
        model = {"id": "m", "object": "model", "created": 0, "owned_by": "inferry"}
        data = [{**model, "id": "iris"}, model]
        both = {"models": ["iris", "m"], "object": "list", "data": data}
        assert (await client.get("/v1/models")).json() == both
        listed = (await client.get("/openai/v1/models")).json()
        assert listed == {"object": "list", "data": data}
        assert (await client.get("/openai/v1/models/m")).json() == model
        v1 = (await client.get("/v1/models/m")).json()
        assert v1 == {"name": "m", "ready": True, **model}
        assert (await client.get("/v1/models/iris")).json() == {
            "name": "iris",
            "ready": True,
        }
        missing = await client.get("/openai/v1/models/x")
        assert missing.status_code == 404
        assert missing.json()["error"]["code"] == "model_not_found"


async def test_calls_are_counted_by_protocol(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec(TALKER)) as (_, client):
        await client.post(CHAT, json={"model": "m"})
        await client.post(CHAT, json={"model": "m", "stream": True})
        await client.post(CHAT, json={"model": "nobody"})
        text = (await client.get("/metrics")).text
    for line in (
        'inferry_requests_total{code="200",model="m",protocol="openai"} 2.0',
        'inferry_requests_total{code="404",model="",protocol="openai"} 1.0',
    ):
        assert line in text


async def test_a_request_is_given_its_id_back(talker: Any) -> None:
    headers = {"x-request-id": "abc"}
    for streams in (True, False):
        body = {"model": "m", "stream": streams}
        answer = await talker.post(CHAT, json=body, headers=headers)
        assert answer.headers["x-request-id"] == "abc"


async def test_inference_is_closed_on_the_management_port(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec(TALKER), management_port=0) as (server, client):
        url = f"http://127.0.0.1:{server.ports.management}{CHAT}"
        answer = await client.post(url, json={"model": "m"})
        assert answer.status_code == 403
        assert answer.json()["error"]["type"] == "permission_error"
