"""Spans of requests, seen by the SDK's in-memory exporter."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased

from inferry_server.cli.logs import JsonFormatter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving import Serve, SpecOf

PATH = "/v1/models/m:predict"
BODY = {"instances": [[1, 2, 3, 4]]}
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"}
UNSAMPLED = {"traceparent": f"00-{TRACE}-{PARENT}-00"}


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """The spans of the global provider, which stands only for one test."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


async def test_a_request_is_a_span_with_its_stations_below(
    serve: Serve, spec: SpecOf, exported: InMemorySpanExporter
) -> None:
    async with serve(spec("Iris"), tracing=True) as (_, client):
        headers = SAMPLED | {"x-request-id": "r1"}
        await client.post(PATH, json=BODY, headers=headers)
    spans = by_name(exported)
    server = spans.pop("POST /v1/models/{model}:predict")
    assert server.kind is trace.SpanKind.SERVER
    assert trace.format_trace_id(server.context.trace_id) == TRACE
    assert trace.format_span_id(server.parent.span_id) == PARENT
    assert server.context.trace_state.get("vendor") == "1"
    assert server.status.is_unset
    attributes = dict(server.attributes)
    attributes.pop("user_agent.original")
    assert attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/v1/models/{model}:predict",
        "inferry.model.name": "m",
        "inferry.request.bytes": 25,
        "inferry.request.id": "r1",
        "inferry.response.bytes": 22,
        "url.path": PATH,
        "url.scheme": "http",
    }
    assert spans.keys() == {"queue", "predict"}
    for span in spans.values():
        assert span.parent.span_id == server.context.span_id
        assert server.start_time <= span.start_time <= span.end_time <= server.end_time
    assert spans["queue"].end_time == spans["predict"].start_time
    assert spans["predict"].attributes == {"inferry.batch.size": 1}


@pytest.mark.parametrize("target", ["Spans", "SpansAsync"])
async def test_spans_of_user_code_are_children(
    serve: Serve, spec: SpecOf, exported: InMemorySpanExporter, target: str
) -> None:
    """In a thread and on the loop, for many requests at one time."""
    v2 = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}]}
    async with serve(spec(target), tracing=True) as (_, client):
        await asyncio.gather(
            *(client.post("/v2/models/m/infer", json=v2) for _ in range(5))
        )
    spans = {span.context.span_id: span for span in exported.get_finished_spans()}
    own = [span for span in spans.values() if span.name == "own"]
    assert len(own) == 5
    assert {spans[span.parent.span_id].name for span in own} == {"predict"}
    assert len({span.context.trace_id for span in own}) == 5


async def test_the_parent_decides_about_sampling(
    serve: Serve, spec: SpecOf, exported: InMemorySpanExporter
) -> None:
    async with serve(spec("Spans"), tracing=True) as (_, client):
        answer = await client.post(PATH, json=BODY, headers=UNSAMPLED)
    assert answer.status_code == 200
    assert exported.get_finished_spans() == ()


@pytest.mark.parametrize(("body", "code"), [("{", 400), ('{"instances": [1]}', 500)])
async def test_only_the_servers_faults_are_errors(
    serve: Serve,
    spec: SpecOf,
    exported: InMemorySpanExporter,
    body: str,
    code: int,
) -> None:
    what = spec("Raises", options={"predict": "value"})
    async with serve(what, tracing=True) as (_, client):
        await client.post(PATH, content=body)
    span = by_name(exported)["POST /v1/models/{model}:predict"]
    assert span.attributes["http.response.status_code"] == code
    assert (span.status.status_code is trace.StatusCode.ERROR) is (code == 500)
    assert span.attributes.get("error.type") == ("500" if code == 500 else None)


async def test_a_request_names_the_next_service_in_its_headers(
    serve: Serve, spec: SpecOf, exported: InMemorySpanExporter
) -> None:
    async with serve(spec("Injects"), tracing=True) as (_, client):
        answer = await client.post(PATH, json=BODY, headers=SAMPLED)
    (given,) = answer.json()["predictions"]
    predict = by_name(exported)["predict"]
    span_id = trace.format_span_id(predict.context.span_id)
    assert given == f"00-{TRACE}-{span_id}-01"


async def test_logs_have_the_ids_of_the_trace(
    serve: Serve,
    spec: SpecOf,
    exported: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(json.loads(JsonFormatter().format(record)))

    logger = logging.getLogger("served_models")
    monkeypatch.setattr(logger, "handlers", [Kept()])
    async with serve(spec("Logs"), tracing=True) as (_, client):
        await client.post(PATH, json=BODY, headers=SAMPLED)
    assert seen[0]["trace_id"] == TRACE


async def test_grpc_spans_bear_the_conventions_names(
    exported: InMemorySpanExporter,
) -> None:
    from inferry_server.calls import Calls
    from inferry_server.live_settings import TraceSettings
    from inferry_server.statistics import Statistics
    from inferry_server.tracing import tracing

    calls = Calls(Statistics(), (tracing(TraceSettings(on=True)),))
    call = calls.begin("grpc", SAMPLED)
    calls.end(call, "", 404)
    (span,) = exported.get_finished_spans()
    assert span.name == "inference.GRPCInferenceService/ModelInfer"
    assert span.attributes["rpc.system"] == "grpc"
    assert span.attributes["rpc.method"] == "ModelInfer"
    assert span.attributes["rpc.grpc.status_code"] == 5


def test_the_default_sampler_is_by_parent() -> None:
    assert isinstance(TracerProvider().sampler, ParentBased)
