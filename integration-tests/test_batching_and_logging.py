"""The batcher and the logger of a service do locally what its YAML says."""

from __future__ import annotations

import http.server
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from running import SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from running import Running

MODEL = """
import time

class Slow:
    batching = True

    def predict(self, values):
        time.sleep(0.2)
        return values + len(values) * 1000
"""


class Sink(http.server.ThreadingHTTPServer):
    """Takes CloudEvents and keeps them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.events: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Taker(http.server.BaseHTTPRequestHandler):
    server: Sink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.server.events.append((headers, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        thread = threading.Thread(target=sink.serve_forever)
        thread.start()
        yield sink
        sink.shutdown()
        thread.join()


def test_requests_are_merged_and_copied(
    tmp_path: Path, run: Callable[..., Running], sink: Sink
) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    service = SERVICE.format(name="slow", format="python", uri=".")
    service = service.replace("  name: slow", "  name: slow\n  annotations: {team: a}")
    service += f"""\
      args: ['--class=Slow']
    batcher: {{maxBatchSize: 8, maxLatency: 5000}}
    logger:
      url: {sink.url}
      metadataHeaders: [x-user]
      metadataAnnotations: [team]
"""
    (tmp_path / "service.yaml").write_text(service)
    running = run("service.yaml", INFERRY_PLUGINS__PYTHON__TRUST=str(tmp_path))
    running.wait("slow", "Ready")
    assert "not honoured" not in running.log.read_text()

    def ask(number: int) -> int:
        url = f"{running.url}/v1/models/slow:predict"
        headers = {"x-user": "me"}
        body = {"instances": [number]}
        answer = httpx.post(url, json=body, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["predictions"][0])

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))
    assert [answer % 1000 for answer in answers] == list(range(16))
    rows = {answer // 1000 for answer in answers}
    assert max(rows) > 1
    assert max(rows) <= 8

    running.wait_for(lambda: len(sink.events) >= 32, "a copy of each message", 10)
    kinds = [headers["ce-type"].rpartition(".")[2] for headers, _ in sink.events]
    assert (kinds.count("request"), kinds.count("response")) == (16, 16)
    headers, _ = sink.events[0]
    assert headers["ce-inferenceservicename"] == "slow"
    assert headers["ce-namespace"] == "default"
    assert json.loads(headers["ce-metadata"]) == {"x-user": ["me"]}
    assert json.loads(headers["ce-annotations"]) == {"team": "a"}


def test_a_batcher_that_makes_no_sense_is_refused_at_once(
    tmp_path: Path, run: Callable[..., Running]
) -> None:
    running = run()
    running.wait_for(lambda: "serving at" in running.log.read_text(), "the start")
    (tmp_path / "model.onnx").write_bytes(b"")
    service = SERVICE.format(name="bad", format="onnx", uri="model.onnx")
    service += "    logger: {url: 'http://a', mode: all, batchInterval: soon}\n"
    (tmp_path / "bad.yaml").write_text(service)
    done = running.command("apply", "bad.yaml")
    assert done.returncode == 1
    assert "spec.predictor.logger: batchInterval is 'soon'" in done.stderr
