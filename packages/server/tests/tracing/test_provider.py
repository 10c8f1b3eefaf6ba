"""What the environment says about traces, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inferry.errors import SettingsError
from inferry_server import ModelServer, ServerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parents[1]
PROGRAM = """
import asyncio, httpx
from pathlib import Path
from inferry_server import ModelServer, ModelSpec, ServerSettings

async def main():
    server = ModelServer(ServerSettings(http_port=0, tracing=True))
    port = await server.start()
    spec = ModelSpec(name="m", target="served_models:Iris", path=Path("."))
    await server.load(spec)
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{port}/v1/models/m:predict"
        await client.post(url, json={"instances": [[1, 2, 3, 4]]})
    await server.drain()
    await server.stop()

asyncio.run(main())
"""


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """An OTLP receiver over HTTP: its address and what it got."""
    got: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            got.append((self.path, self.rfile.read(length)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()
    thread.join()
    server.server_close()


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=HERE,
        env=kept | {"PYTHONPATH": str(HERE)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_spans_reach_an_otlp_receiver(
    receiver: tuple[str, list[tuple[str, bytes]]],
) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
    )

    url, got = receiver
    done = run(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_EXPORTER_OTLP_COMPRESSION="none")
    assert done.returncode == 0, done.stderr
    assert {path for path, _ in got} == {"/v1/traces"}
    names, services = set(), set()
    for _, body in got:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            services |= {
                pair.value.string_value
                for pair in resource.resource.attributes
                if pair.key == "service.name"
            }
            names |= {s.name for scope in resource.scope_spans for s in scope.spans}
    assert names == {"POST /v1/models/{model}:predict", "queue", "predict"}
    assert services == {"inferry-server"}


def test_a_dead_receiver_disturbs_nothing() -> None:
    done = run(
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_EXPORTER_OTLP_TIMEOUT="1"
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_an_exporter_that_is_not_there_is_named() -> None:
    done = run(OTEL_TRACES_EXPORTER="zipkin")
    assert done.returncode == 1
    assert "no exporter of traces 'zipkin'" in done.stderr
    assert 'pip install "inferry-server[tracing]"' in done.stderr


def test_a_missing_extra_is_told_with_its_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "inferry_server.tracing.provider", raising=False)
    with pytest.raises(SettingsError, match=r'pip install "inferry-server\[tracing\]"'):
        ModelServer(ServerSettings(tracing=True))
