"""CloudEvents on V1: what comes as an event, in either mode, is answered as one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.testing.protocol import Served

PATH = "/v1/models/echo:predict"
BODY = {"instances": [[1.0, 2.0]]}
EVENT = {
    "specversion": "1.0",
    "id": "event-1",
    "source": "https://example.com/tests",
    "type": "com.example.request",
    "time": "2026-01-31T12:00:00Z",
}


def post(served: Served, body: Any, headers: Mapping[str, str]) -> Any:
    return served.request(
        "POST", PATH, content=json.dumps(body).encode(), headers=dict(headers)
    )


def binary(**changes: str) -> dict[str, str]:
    named = {f"ce-{name}": text for name, text in (EVENT | changes).items()}
    return {"Content-Type": "application/json", **named}


def test_binary_mode(echo: Served) -> None:
    plain = post(echo, BODY, {"Content-Type": "application/json"})
    response = post(echo, BODY, binary())
    assert response.status_code == 200, response.text
    assert response.json() == plain.json()
    assert response.headers["ce-specversion"] == "1.0"
    assert response.headers["ce-type"] == "io.kserve.inference.response"
    assert response.headers["ce-source"] == "io.kserve.inference.echo"
    assert response.headers["ce-id"]
    assert "ce-type" not in plain.headers


def test_structured_mode(echo: Served) -> None:
    plain = post(echo, BODY, {"Content-Type": "application/json"})
    event = EVENT | {"datacontenttype": "application/json", "data": BODY}
    kind = {"Content-Type": "application/cloudevents+json"}
    response = post(echo, event, kind)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/cloudevents+json")
    told = response.json()
    assert told["data"] == plain.json()
    assert told["specversion"] == "1.0"
    assert told["type"] == "io.kserve.inference.response"
    assert told["source"] == "io.kserve.inference.echo"
    assert told["id"]


@pytest.mark.parametrize("missing", ["id", "source", "type", "specversion"])
def test_an_event_that_is_not_whole_is_refused(echo: Served, missing: str) -> None:
    event = {name: text for name, text in EVENT.items() if name != missing}
    kind = {"Content-Type": "application/cloudevents+json"}
    response = post(echo, event | {"data": BODY}, kind)
    assert response.status_code == 400, response.text
    assert missing in response.json()["error"]


@pytest.mark.parametrize("body", [[], {}, 1, None])
def test_what_is_no_event_is_refused(echo: Served, body: Any) -> None:
    kind = {"Content-Type": "application/cloudevents+json"}
    response = post(echo, body, kind)
    assert response.status_code == 400, response.text
    assert response.json()["error"]


def test_a_failure_is_told_as_an_error(echo: Served) -> None:
    response = post(echo, {"instances": 1}, binary())
    assert response.status_code == 400
    assert response.json()["error"]
