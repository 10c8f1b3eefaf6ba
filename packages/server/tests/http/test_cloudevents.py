"""CloudEvents in and out of V1."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from inferry_server.http.cloudevents import from_environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from serving import Serve, SpecOf

URL = "/v1/models/m:predict"
DATA = {"instances": [[1, 2, 3, 4]]}
ANSWER = {"predictions": [10.0]}
ATTRIBUTES = {"specversion": "1.0", "id": "a-1", "source": "tests", "type": "asks"}
HEADERS = {f"ce-{name}": value for name, value in ATTRIBUTES.items()}
STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}


@pytest.fixture
async def iris(serve: Serve, spec: SpecOf) -> AsyncIterator[Any]:
    async with serve(spec("Iris")) as (_, client):
        yield client


async def test_a_binary_event_is_answered_by_one(iris: Any) -> None:
    headers = {**HEADERS, "ce-secret": "mine", "authorization": "Bearer mine"}
    answer = await iris.post(URL, json=DATA, headers=headers)
    assert (answer.status_code, answer.json()) == (200, ANSWER)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["ce-specversion"] == "1.0"
    assert answer.headers["ce-type"] == "io.kserve.inference.response"
    assert answer.headers["ce-source"] == "io.kserve.inference.m"
    assert answer.headers["ce-id"] not in ("", "a-1")
    assert datetime.fromisoformat(answer.headers["ce-time"]).tzinfo is not None
    assert "mine" not in str(answer.headers)


@pytest.mark.parametrize(
    "data",
    [
        {"data": DATA},
        {"data": DATA, "datacontenttype": "application/json"},
        {"data_base64": base64.b64encode(json.dumps(DATA).encode()).decode()},
        {"data": json.dumps(DATA), "datacontenttype": "text/plain"},
    ],
)
async def test_a_structured_event_is_answered_by_one(iris: Any, data: Any) -> None:
    event = {**ATTRIBUTES, "number": 3, **data}
    answer = await iris.post(URL, content=json.dumps(event), headers=STRUCTURED)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/cloudevents+json"
    given = answer.json()
    assert given.pop("data") == ANSWER
    assert given.pop("id") != "a-1"
    datetime.fromisoformat(given.pop("time"))
    assert given == {
        "specversion": "1.0",
        "source": "io.kserve.inference.m",
        "type": "io.kserve.inference.response",
        "datacontenttype": "application/json",
    }


async def test_plain_requests_stay_plain(iris: Any) -> None:
    answer = await iris.post(URL, json=DATA)
    assert answer.json() == ANSWER
    assert not [name for name in answer.headers if name.startswith("ce-")]


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "text/x", ""])
async def test_any_content_type_is_json(iris: Any, kind: str) -> None:
    answer = await iris.post(
        URL, content=json.dumps(DATA), headers={"content-type": kind}
    )
    assert answer.json() == ANSWER


async def test_settings_name_the_answer(serve: Serve, spec: SpecOf) -> None:
    settings = {"ce_type": "mine", "ce_source": "here", "ce_merge": True}
    async with serve(spec("Iris"), **settings) as (_, client):
        headers = {**HEADERS, "ce-subject": "a b ü", "ce-time": "old"}
        headers["ce-subject"] = "a%20b%20%C3%BC"
        answer = await client.post(URL, json=DATA, headers=headers)
        assert answer.headers["ce-type"] == "mine"
        assert answer.headers["ce-source"] == "here"
        assert answer.headers["ce-subject"] == "a%20b%20%C3%BC"
        assert answer.headers["ce-id"] != "a-1"
        assert answer.headers["ce-time"] != "old"


async def test_an_explanation_is_an_event_too(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Pair")) as (_, client):
        data = {"instances": [{"text": "a", "size": [1]}]}
        answer = await client.post("/v1/models/m:explain", json=data, headers=HEADERS)
        assert answer.json() == {"explanations": ["a"]}
        assert answer.headers["ce-type"] == "io.kserve.inference.response"


async def test_a_slow_model_answers_events(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("SlowAsync", options={"seconds": 0.01})) as (_, client):
        answer = await client.post(URL, json={"instances": [1]}, headers=HEADERS)
        assert answer.headers["ce-source"] == "io.kserve.inference.m"


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in HEADERS.items() if key != name}


@pytest.mark.parametrize(
    ("headers", "body", "text"),
    [
        (without("ce-id"), DATA, "no id"),
        ({**HEADERS, "ce-specversion": "9"}, DATA, "specversion"),
        ({**HEADERS, "ce-source": "x" * 2000}, DATA, "1024"),
        (STRUCTURED, {**ATTRIBUTES}, "no data"),
        (STRUCTURED, {"data": DATA}, "no specversion"),
        (STRUCTURED, [], "CloudEvent"),
        (STRUCTURED, {**ATTRIBUTES, "data_base64": "%"}, "base64"),
        (STRUCTURED, {**ATTRIBUTES, "data_base64": 3}, "base64"),
        (STRUCTURED, {**ATTRIBUTES, "data": 3}, "expected an object"),
        ({"content-type": "application/cloudevents-batch+json"}, [], "batches"),
    ],
)
async def test_what_is_no_event_is_refused(
    iris: Any, headers: dict[str, str], body: Any, text: str
) -> None:
    answer = await iris.post(URL, content=json.dumps(body), headers=headers)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert text in answer.json()["error"]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, {}),
        ({"CE_TYPE": "t", "CE_SOURCE": "s"}, {"ce_type": "t", "ce_source": "s"}),
        ({"CE_TYPE": "", "CE_MERGE": "True"}, {"ce_merge": True}),
        ({"CE_MERGE": "no"}, {"ce_merge": False}),
    ],
)
def test_variables_of_kserve_are_settings(environ: Any, expected: Any) -> None:
    assert from_environment(environ) == expected
