"""A server that does not come up, ends, or hangs is told with its log."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from inferry.testing.protocol import Served

#: Stands in for the server, which core does not have: health, SIGTERM, and its faults.
SERVER = """\
import http.server, signal, sys, threading

print("hello from the log", flush=True)
if "--fail" in sys.argv:
    sys.exit("error: as asked")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(503 if "--broken" in sys.argv else 200, b"")

    def do_POST(self):
        self.answer(200, b'[{"name": "m", "state": "UNAVAILABLE"}]')

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ports = dict(each[2:].split("=") for each in sys.argv if "=" in each)
server = http.server.HTTPServer(("127.0.0.1", int(ports["http_port"])), Handler)
if "--deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    stop = lambda *_: threading.Thread(target=server.shutdown).start()
    signal.signal(signal.SIGTERM, stop)
server.serve_forever()
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    package = tmp_path / "stand-in" / "inferry_server"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(SERVER)
    return {"PYTHONPATH": str(package.parent)}


def test_a_server_is_started_asked_and_stopped(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    served = Served([], tmp_path, environment=environment)
    assert served.alive
    assert served.request("GET", "/").status_code == 200
    assert served.memory > 0
    assert len({served.http, served.grpc, served.management}) == 3
    assert served.stop() == 0
    assert not served.alive
    assert "hello from the log" in served.said


def test_one_that_ends_is_told_with_its_log(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    with pytest.raises(pytest.fail.Exception, match="error: as asked"):
        Served(["--fail"], tmp_path, environment=environment)


def test_a_model_that_fails_is_not_waited_for(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    began = time.monotonic()
    with pytest.raises(pytest.fail.Exception, match="is not ready; its log"):
        Served(["--broken"], tmp_path, environment=environment, seconds=60)
    assert time.monotonic() - began < 30


def test_one_that_does_not_end_is_killed_and_told(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    served = Served(["--deaf"], tmp_path, environment=environment)
    with pytest.raises(pytest.fail.Exception, match="did not end in"):
        served.stop(seconds=0.5)
    assert not served.alive


def test_settings_of_the_user_do_not_reach_it(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERRY_SERVER__HTTP_PORT", "1")
    served = Served([], tmp_path, environment=environment)
    try:
        told = Path(f"/proc/{served.process.pid}/environ").read_bytes()
        assert b"INFERRY_" not in told
    finally:
        served.stop()
