"""The line per request, and the ids of requests."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest

from inferry_server.calls import Call, Calls
from inferry_server.cli.logs import JsonFormatter
from inferry_server.http.routes import match
from inferry_server.request_log import Asked, asked
from inferry_server.statistics import Statistics

if TYPE_CHECKING:
    from serving import Serve, SpecOf

PATH = "/v1/models/m:predict"
BODY = {"instances": [[1, 2, 3, 4]]}


def lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [r for r in caplog.records if r.name == "inferry_server.request_log"]


async def test_each_request_has_its_line(
    serve: Serve, spec: SpecOf, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with serve(spec("Iris"), log_requests=True) as (_, client):
        await client.post(PATH, json=BODY, headers={"x-request-id": "abc-1"})
        await client.post("/v2/models/nope/infer", json={})
    first, second = lines(caplog)
    assert re.fullmatch(
        r"POST /v1/models/m:predict 200 in [\d.]+ ms, 25 bytes in, 22 out, id abc-1",
        first.getMessage(),
    )
    assert first.fields["model"] == "m"
    told = json.loads(JsonFormatter().format(first))
    assert (told["request_id"], told["code"], told["path"]) == ("abc-1", 200, PATH)
    assert re.search(
        r"^POST /v2/models/nope/infer 404 .* id [0-9a-f]{32}$", second.getMessage()
    )
    assert second.fields["model"] == ""


async def test_no_line_is_written_unless_asked(
    serve: Serve, spec: SpecOf, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with serve(spec("Iris")) as (_, client):
        await client.post(PATH, json=BODY)
    assert lines(caplog) == []


async def test_the_log_of_user_code_has_the_id_of_its_request(
    serve: Serve, spec: SpecOf
) -> None:
    """In a thread, where ``Slow`` runs, and on the loop."""
    seen = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(json.loads(JsonFormatter().format(record)))

    logger = logging.getLogger("served_models")
    handler = Kept()
    logger.addHandler(handler)
    try:
        models = (spec("Logs", name="t"), spec("LogsAsync", name="a"))
        async with serve(*models, log_requests=True) as (_, client):
            for name in ("t", "a"):
                path = f"/v1/models/{name}:predict"
                headers = {"x-request-id": f"id-{name}"}
                await client.post(path, json={"instances": [1]}, headers=headers)
    finally:
        logger.removeHandler(handler)
    assert [line.get("request_id") for line in seen] == ["id-t", "id-a"]


@pytest.mark.parametrize("lane", [0, 1])
async def test_the_id_of_a_request_comes_back(
    serve: Serve, spec: SpecOf, lane: int
) -> None:
    given = {"x-request-id": "r/1:2"} | ({"expect": ""} if lane else {})
    async with serve(spec("Iris")) as (_, client):
        answer = await client.post(PATH, json=BODY, headers=given)
        assert answer.headers["x-request-id"] == "r/1:2"
        wrong = await client.post(PATH, content="{", headers=given)
        assert (wrong.status_code, wrong.headers["x-request-id"]) == (400, "r/1:2")
        without = await client.post(PATH, json=BODY)
        assert "x-request-id" not in without.headers


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a" * 500, "a" * 128),
        ("a b\r\nset-cookie: x", "abset-cookie:x"),
        ("\x00\x7fé", ""),
        ("", ""),
    ],
)
def test_an_id_is_made_safe(given: str, kept: str) -> None:
    assert Call("v1", {"x-request-id": given}).id == kept


def test_an_id_is_made_once_where_it_is_needed() -> None:
    call = Calls(Statistics()).begin("grpc", {})
    assert call.id == ""
    made = call.identify()
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert (call.id, call.identify()) == (made, made)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (
            match("/v2/models/m/versions/3/infer"),
            Asked(
                "POST",
                "/v2/models/m/versions/3/infer",
                "/v2/models/{model}/versions/{version}/infer",
            ),
        ),
        (
            match("/v1/models/{model}:explain"),
            Asked("POST", "/v1/models/{model}:explain", "/v1/models/{model}:explain"),
        ),
        (
            "",
            Asked(
                "",
                "/inference.GRPCInferenceService/ModelInfer",
                "/inference.GRPCInferenceService/ModelInfer",
            ),
        ),
    ],
)
def test_what_was_asked_for_is_named(target: Any, expected: Asked) -> None:
    assert asked(Call("v2", {}, target=target)) == expected
