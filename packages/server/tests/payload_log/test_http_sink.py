"""Copies of requests and responses as CloudEvents."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
import sinks

from inferry_server import PayloadLog

if TYPE_CHECKING:
    from pathlib import Path

    from serving import Serve, SpecOf
    from sinks import Endpoint

PATH = "/v1/models/m:predict"
BODY = b'{"instances": [[1, 2, 3, 4]]}'


async def test_a_request_and_its_response_are_events_of_one_id(
    serve: Serve, spec: SpecOf, sink: Endpoint
) -> None:
    log = PayloadLog(
        url=sink.url,
        metadata_headers=("X-Tenant", "Authorization"),
        metadata_annotations={"team": 'a "b"'},
        endpoint="default",
    )
    what = spec("Iris", payload_log=log, service="iris", namespace="prod")
    headers = {
        "authorization": "Bearer s3cret",
        "cookie": "s3cret",
        "x-tenant": "100% ünsere".encode(),
        "x-api-key": "s3cret",
        "content-type": "application/json; charset=utf-8",
    }
    async with serve(what) as (_, client):
        answer = await client.post(PATH, content=BODY, headers=headers)
    (request,) = sink.events_of("request")
    (response,) = sink.events_of("response")
    assert (request.body, response.body) == (BODY, answer.content)
    assert request.path == "/in?key=s3cret"
    assert request.headers["content-type"] == headers["content-type"]
    events = {
        name: value for name, value in request.headers.items() if name[:3] == "ce-"
    }
    identity, when = events.pop("ce-id"), events.pop("ce-time")
    assert re.fullmatch("[0-9a-f]{32}", identity)
    assert response.headers["ce-id"] == identity
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", when)
    assert events == {
        "ce-annotations": r'{"team": "a \"b\""}',
        "ce-component": "predictor",
        "ce-endpoint": "default",
        "ce-inferenceservicename": "iris",
        "ce-metadata": r'{"X-Tenant": ["100%25 \u00c3\u00bcnsere"]}',
        "ce-namespace": "prod",
        "ce-recordedtime": when,
        "ce-source": "/prod/iris/m",
        "ce-specversion": "1.0",
        "ce-type": "org.kubeflow.serving.inference.request",
    }
    assert response.headers["ce-type"] == "org.kubeflow.serving.inference.response"
    everything = "".join(str(event.headers) for event in sink.events)
    assert "s3cret" not in everything


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"ce-id": "event-1", "x-request-id": "r1"}, "event-1"),
        ({"x-request-id": "r1"}, "r1"),
    ],
)
async def test_the_clients_id_is_kept(
    serve: Serve,
    spec: SpecOf,
    sink: Endpoint,
    headers: dict[str, str],
    expected: str,
) -> None:
    what = spec("Iris", payload_log=PayloadLog(url=sink.url))
    async with serve(what) as (_, client):
        await client.post(PATH, content=BODY, headers=headers)
    assert {event.headers["ce-id"] for event in sink.events} == {expected}


@pytest.mark.parametrize("mode", ["request", "response"])
async def test_a_mode_copies_one_direction(
    serve: Serve, spec: SpecOf, sink: Endpoint, mode: str
) -> None:
    what = spec("Iris", payload_log=PayloadLog(url=sink.url, mode=mode))
    async with serve(what) as (_, client):
        await client.post(PATH, content=BODY)
    (event,) = sink.events
    assert event.headers["ce-type"].endswith(mode)


async def test_only_good_responses_are_copied_and_other_models_never(
    serve: Serve, spec: SpecOf, sink: Endpoint
) -> None:
    what = spec("Iris", payload_log=PayloadLog(url=sink.url))
    async with serve(what, spec("Iris", name="other")) as (_, client):
        await client.post(PATH, content=b'{"instances": "no"}')
        await client.post("/v1/models/other:predict", content=BODY)
    (event,) = sink.events
    assert event.body == b'{"instances": "no"}'


async def test_tensors_keep_the_header_that_tells_where_they_begin(
    serve: Serve, spec: SpecOf, sink: Endpoint
) -> None:
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": "input",
                    "datatype": "FP32",
                    "shape": [1, 4],
                    "parameters": {"binary_data_size": 16},
                }
            ],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    body = head + bytes(16)
    what = spec("Iris", payload_log=PayloadLog(url=sink.url))
    async with serve(what) as (_, client):
        answer = await client.post(
            "/v2/models/m/infer",
            content=body,
            headers={"inference-header-content-length": str(len(head))},
        )
    (request,) = sink.events_of("request")
    (response,) = sink.events_of("response")
    assert (request.body, response.body) == (body, answer.content)
    name = "inference-header-content-length"
    assert request.headers[name] == str(len(head))
    assert response.headers[name] == answer.headers[name]


async def test_what_a_model_does_to_its_inputs_changes_no_copy(
    serve: Serve, spec: SpecOf, sink: Endpoint
) -> None:
    head = b'{"inputs":[{"name":"x","datatype":"FP32","shape":[40000],'
    head += b'"parameters":{"binary_data_size":160000}}]}'
    body = head + b"\1" * 160000
    what = spec("Overwrites", payload_log=PayloadLog(url=sink.url, mode="request"))
    headers = {"inference-header-content-length": str(len(head))}
    async with serve(what) as (_, client):
        await client.post("/v2/models/m/infer", content=body, headers=headers)
    assert sink.events[0].body == body


async def test_a_message_is_sent_again_until_it_arrives(
    serve: Serve, spec: SpecOf, sink: Endpoint
) -> None:
    sink.statuses = [503, 429]
    what = spec("Iris", payload_log=PayloadLog(url=sink.url, mode="request"))
    async with serve(what) as (server, client):
        await client.post(PATH, content=BODY)
        await server.drain()
        assert len(sink.events) == 1
        assert outcomes(server) == {"sent": 1, "failed": 0, "dropped": 0}


async def test_what_the_sink_refuses_is_counted_and_not_repeated(
    serve: Serve, spec: SpecOf, sink: Endpoint
) -> None:
    sink.statuses = [400]
    what = spec("Iris", payload_log=PayloadLog(url=sink.url, mode="request"))
    async with serve(what) as (server, client):
        await client.post(PATH, content=BODY)
        await server.drain()
        assert sink.events == []
        assert outcomes(server) == {"sent": 0, "failed": 1, "dropped": 0}


async def test_a_slow_sink_costs_drops_and_no_time(
    serve: Serve, spec: SpecOf, sink: Endpoint
) -> None:
    sink.delay = 0.5
    log = PayloadLog(url=sink.url, mode="request", max_bytes=20_000)
    async with serve(spec("Iris", payload_log=log)) as (_, client):
        began = time.monotonic()
        for _ in range(50):
            assert (await client.post(PATH, content=BODY)).status_code == 200
        assert time.monotonic() - began < 2
        text = (await client.get("/metrics")).text
        found = re.search(r'messages_total\{model="m",outcome="dropped"\} (\d+)', text)
        assert 20 < int(found[1]) < 50
        waiting = re.search(r'waiting_bytes\{model="m"\} (\d+)', text)
        assert 0 < int(waiting[1]) <= 20_000


async def test_a_dead_sink_disturbs_nothing(serve: Serve, spec: SpecOf) -> None:
    what = spec("Iris", payload_log=PayloadLog(url="http://127.0.0.1:9/"))
    async with serve(what) as (server, client):
        for _ in range(20):
            assert (await client.post(PATH, content=BODY)).status_code == 200
        began = time.monotonic()
        await server.drain()
        assert time.monotonic() - began < 7
        counted = outcomes(server)
        assert counted["sent"] == 0
        assert counted["failed"] + counted["dropped"] == 40


@pytest.mark.parametrize(
    ("trusts", "verify", "arrives"),
    [(True, True, True), (False, True, False), (False, False, True)],
)
async def test_a_sink_over_tls_must_be_known(
    serve: Serve,
    spec: SpecOf,
    tmp_path: Path,
    *,
    trusts: bool,
    verify: bool,
    arrives: bool,
) -> None:
    certificate = sinks.make_certificate(tmp_path / "sink.pem")
    with sinks.endpoint(certificate) as sink:
        log = PayloadLog(
            url=sink.url,
            mode="request",
            ca_file=str(certificate) if trusts else "",
            verify=verify,
        )
        async with serve(spec("Iris", payload_log=log)) as (server, client):
            await client.post(PATH, content=BODY)
            await server.drain()
            assert outcomes(server)["sent"] == arrives
    assert len(sink.events) == arrives


async def test_a_reload_with_another_log_sends_there(
    serve: Serve, spec: SpecOf, sink: Endpoint
) -> None:
    async with serve(spec("Iris")) as (server, client):
        await client.post(PATH, content=BODY)
        await server.load(spec("Iris", payload_log=PayloadLog(url=sink.url)))
        await client.post(PATH, content=BODY)
        await server.load(spec("Iris"))
        await client.post(PATH, content=BODY)
        until = time.monotonic() + 5
        while len(sink.events) < 2 and time.monotonic() < until:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    assert len(sink.events) == 2


async def test_a_log_that_cannot_be_written_fails_the_load_with_a_reason(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve() as (server, _):
        state = await server.load(spec("Iris", payload_log=PayloadLog(url="ftp://x")))
    assert (state.phase, state.reason) == ("Failed", "InvalidSpec")
    assert "'ftp'" in state.message


def outcomes(server: Any) -> dict[str, int]:
    ((_, counts, _),) = server.payloads.counts()
    return {
        "sent": counts.sent,
        "failed": counts.failed,
        "dropped": counts.dropped,
    }


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
async def test_connections_that_the_endpoint_closes_lose_nothing(
    serve: Serve, spec: SpecOf, version: str
) -> None:
    with sinks.endpoint(version=version, patience=0.2) as sink:
        async with serve(spec("Iris", payload_log=PayloadLog(url=sink.url))) as (
            _,
            client,
        ):
            for _ in range(3):
                asked = (client.post(PATH, content=BODY) for _ in range(8))
                await asyncio.gather(*asked)
                await asyncio.sleep(0.5)
        assert len(sink.events) == 48
