"""What is seen of calls over gRPC: counts, ids, copies, lines and spans."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any

from asking import asking, tensor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from inferry_server import Batching, PayloadLog
from inferry_server.grpc.messages import message

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from serving import Serve, SpecOf

RAW = [b"\1\0\0\0"]
TRACE = "0af7651916cd43dd8448eb211c80319c"


async def test_calls_count_by_code_and_bytes(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Echo"), grpc_port=0) as (server, client):
        async with asking(server) as ask:
            await ask.infer(tensor(), raw_input_contents=RAW)
            await ask.refusal("ModelInfer", model_name="m", raw_input_contents=RAW)
            await ask.refusal("ModelInfer", model_name="nope")
        text = (await client.get("/metrics")).text
    for line in (
        'inferry_requests_total{code="200",model="m",protocol="grpc"} 1.0',
        'inferry_requests_total{code="400",model="m",protocol="grpc"} 1.0',
        'inferry_requests_total{code="404",model="",protocol="grpc"} 1.0',
        'inferry_requests_in_flight{protocol="grpc"} 0.0',
    ):
        assert line in text.splitlines()


async def test_a_request_in_a_stream_is_in_flight_until_its_last_answer(
    serve: Serve, spec: SpecOf
) -> None:
    slow = spec("SlowAsync", options={"seconds": 0.4})
    async with (
        serve(slow, grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        stream = ask.stream()
        request = message("ModelInferRequest")(
            model_name="m", inputs=[tensor()], raw_input_contents=RAW
        )
        await stream.write(request)
        await asyncio.sleep(0.2)
        assert server.statistics.in_flight["grpc"] == 1
        await stream.read()
        assert server.statistics.in_flight["grpc"] == 0
        assert server.statistics.of("m").success.count == 1
        await stream.done_writing()


def read(folder: Path) -> dict[str, Any]:
    files = folder.rglob("*.json")
    return {path.name: json.loads(path.read_text()) for path in files}


async def test_payloads_are_the_messages_as_they_are(
    serve: Serve, spec: SpecOf, tmp_path: Path
) -> None:
    what = spec("Echo", payload_log=PayloadLog(url=tmp_path.as_uri()))
    async with serve(what, grpc_port=0) as (server, _):
        async with asking(server) as ask:
            answer = await ask(
                "ModelInfer",
                model_name="m",
                inputs=[tensor()],
                raw_input_contents=RAW,
                metadata=(("x-request-id", "r1"),),
            )
        await server.drain()
    kept = read(tmp_path)
    assert kept.keys() == {"r1-request.json", "r1-response.json"}
    assert {row["contentType"] for row in kept.values()} == {"application/x-protobuf"}
    response = base64.b64decode(kept["r1-response.json"]["bytes"])
    assert message("ModelInferResponse").FromString(response) == answer


async def test_spans_and_lines_tell_the_rpc(
    serve: Serve,
    spec: SpecOf,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    caplog.set_level("INFO")
    settings = {"tracing": True, "log_requests": True, "grpc_port": 0}
    async with serve(spec("Spans"), **settings) as (server, _), asking(server) as ask:
        await ask(
            "ModelInfer",
            model_name="m",
            inputs=[tensor()],
            raw_input_contents=RAW,
            metadata=(("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"),),
        )
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert spans.keys() == {
        "inference.GRPCInferenceService/ModelInfer",
        "own",
        "predict",
        "queue",
    }
    assert {trace.format_trace_id(s.context.trace_id) for s in spans.values()} == {
        TRACE
    }
    assert spans["own"].parent.span_id == spans["predict"].context.span_id
    (line,) = [r for r in caplog.records if r.name == "inferry_server.request_log"]
    assert line.getMessage().startswith(
        "/inference.GRPCInferenceService/ModelInfer 200 in "
    )


async def test_batched_requests_have_spans_of_their_own(
    serve: Serve, spec: SpecOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    what = spec("Iris", batching=Batching(max_size=8))
    body = {"instances": [[1, 2, 3, 4]]}
    async with serve(what, tracing=True) as (server, client):
        await asyncio.gather(
            *(client.post("/v1/models/m:predict", json=body) for _ in range(6))
        )
        seen = server.statistics.of("m")
    names = [span.name for span in exporter.get_finished_spans()]
    assert names.count("POST /v1/models/{model}:predict") == 6
    assert names.count("predict") == 6
    assert names.count("batch") + names.count("queue") == 6
    assert seen.inference_count == 6
    sizes = [one.batch_size for one in seen.batch_stats]
    assert seen.execution_count == sum(
        one.compute_infer.count for one in seen.batch_stats
    )
    assert max(sizes) <= 8
