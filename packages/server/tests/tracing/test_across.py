"""One trace through a transformer and its predictor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from inferry_server import Predictor

if TYPE_CHECKING:
    from serving import Serve, SpecOf

TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADERS = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
BODY = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}]}


@pytest.mark.parametrize("protocol", ["v2", "grpc-v2"])
@pytest.mark.parametrize("target", ["Doubles", "AsyncDoubles"])
async def test_the_predictors_span_is_below_the_transformers(
    serve: Serve,
    spec: SpecOf,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    protocol: Any,
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    async with serve(spec("Echo"), tracing=True, grpc_port=0) as (behind, _):
        ports = behind.ports
        port = ports.http if protocol == "v2" else ports.grpc
        what = spec(
            f"served_components:{target}",
            predictor=Predictor(host=f"127.0.0.1:{port}", protocol=protocol),
        )
        async with serve(what, tracing=True) as (_, client):
            answer = await client.post("/v2/models/m/infer", json=BODY, headers=HEADERS)
            assert answer.json()["outputs"][0]["data"] == [-2.0]
    spans = exporter.get_finished_spans()
    assert {trace.format_trace_id(s.context.trace_id) for s in spans} == {TRACE}
    by_id = {span.context.span_id: span for span in spans}
    servers = [span for span in spans if span.kind is trace.SpanKind.SERVER]
    (below,) = [span for span in servers if span.parent.span_id in by_id]
    above = by_id[below.parent.span_id]
    assert above.name == "predict"
    (first,) = [span for span in servers if span is not below]
    assert above.parent.span_id == first.context.span_id
