"""The generate extension: texts in and out as plain JSON, at once or as a stream."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferry.testing.protocol import Served

PATHS = ("/v2/models/talk/generate", "/v2/models/talk/versions/1/generate")


@pytest.fixture(scope="module")
def talk(serve: Callable[..., Served]) -> Served:
    return serve("Talk", model="talk")


def events(response: httpx.Response) -> list[dict[str, Any]]:
    """Return what the events of *response* say; the grammar is checked strictly."""
    assert response.headers["content-type"].startswith("text/event-stream")
    *parts, rest = response.text.split("\n\n")
    assert rest == ""
    assert all(part.startswith("data: ") and "\n" not in part for part in parts)
    return [json.loads(part.removeprefix("data: ")) for part in parts]


@pytest.mark.parametrize("path", PATHS)
def test_a_text_is_answered_with_a_text(talk: Served, path: str) -> None:
    response = talk.request("POST", path, json={"text_input": "hello wörld"})
    assert response.status_code == 200, response.text
    told = response.json()
    assert told["text_output"] == "hello wörld".encode().upper().decode()
    assert (told["model_name"], told["model_version"]) == ("talk", "1")


@pytest.mark.parametrize("path", PATHS)
def test_words_come_as_events(talk: Served, path: str) -> None:
    body = {"text_input": "one two three"}
    response = talk.request("POST", f"{path}_stream", json=body)
    assert response.status_code == 200
    told = events(response)
    assert [event["text_output"] for event in told] == ["ONE", "TWO", "THREE"]
    assert {event["model_name"] for event in told} == {"talk"}


def test_the_id_is_echoed(talk: Served) -> None:
    body = {"id": "a-7", "text_input": "one two"}
    assert talk.request("POST", PATHS[0], json=body).json()["id"] == "a-7"
    streamed = talk.request("POST", f"{PATHS[0]}_stream", json=body)
    assert [event["id"] for event in events(streamed)] == ["a-7", "a-7"]


@pytest.mark.parametrize("nested", [True, False], ids=["parameters", "members"])
def test_what_is_no_input_is_a_parameter(talk: Served, *, nested: bool) -> None:
    parameters: dict[str, Any] = {"fail": "InvalidInput"}
    more = {"parameters": parameters} if nested else parameters
    response = talk.request("POST", PATHS[0], json={"text_input": "a", **more})
    assert response.status_code == 400
    assert "as asked" in response.json()["error"]


def test_events_come_while_the_model_works(talk: Served) -> None:
    body = {"text_input": "one two three four", "delay": 0.3}
    began = time.monotonic()
    url = f"{talk.url}{PATHS[0]}_stream"
    with httpx.stream("POST", url, json=body, timeout=30) as response:
        lines = response.iter_lines()
        times = [time.monotonic() - began for line in lines if line]
    assert len(times) == 4
    assert times[0] < 0.25
    assert times[-1] >= 0.9


def test_a_failure_after_the_first_event_is_an_event(talk: Served) -> None:
    body = {"text_input": "one two", "fail": "ValueError"}
    response = talk.request("POST", f"{PATHS[0]}_stream", json=body)
    first, last = events(response)
    assert first["text_output"] == "ONE"
    assert last["error"]
    assert "secret-of-the-model" not in last["error"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"text_input": {}}',
        b'{"text_input": null}',
        b'{"text_input": "a", "parameters": []}',
        b'{"text_input": 1}',
    ],
)
@pytest.mark.parametrize("verb", ["", "_stream"])
def test_wrong_bodies_are_refused(talk: Served, body: bytes, verb: str) -> None:
    response = talk.request("POST", PATHS[0] + verb, content=body)
    assert response.status_code == 400, response.text
    assert response.json()["error"]


def test_a_reader_that_leaves_stops_the_stream(talk: Served) -> None:
    body = {"text_input": "word " * 10_000, "delay": 0.01}
    url = f"{talk.url}{PATHS[0]}_stream"
    with httpx.stream("POST", url, json=body, timeout=30) as response:
        assert next(response.iter_lines())
    assert talk.request("POST", PATHS[0], json={"text_input": "a"}).is_success
