"""`ProtocolTests` finds what a wrong server does; what it asks is shown elsewhere."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from inferry.testing.protocol import ProtocolTests
from inferry.testing.protocol._kit import importable

if TYPE_CHECKING:
    from pathlib import Path

#: Answers everything with 200 and an empty object.
SERVER = """\
import http.server, signal, sys, threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET

    def log_message(self, *_):
        pass


ports = dict(each[2:].split("=") for each in sys.argv if "=" in each)
server = http.server.ThreadingHTTPServer(
    ("127.0.0.1", int(ports["http_port"])), Handler
)
stop = lambda *_: threading.Thread(target=server.shutdown).start()
signal.signal(signal.SIGTERM, stop)
server.serve_forever()
"""
TEST = """\
import pytest
from inferry.testing.protocol import ProtocolTests


class TestWrong(ProtocolTests):
    model_class = "any:Thing"
    environment = {{"PYTHONPATH": {path!r}}}
"""
#: What does not need an answer to be wrong, or has no server to ask.
QUIET = {"test_no_kit_test_is_replaced"}


def test_nothing_passes_with_a_server_that_says_yes_to_all(tmp_path: Path) -> None:
    package = tmp_path / "stand-in" / "inferry_server"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(SERVER)
    test = tmp_path / "test_wrong.py"
    test.write_text(TEST.format(path=str(package.parent)))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
            *("-p", "no:asyncio", "-c", tmp_path / "pytest.ini", "-q", "-rp", test),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    passed = {
        line.split("::")[-1].partition("[")[0]
        for line in done.stdout.splitlines()
        if line.startswith("PASSED")
    }
    assert passed == QUIET, done.stdout[-2000:]


def test_every_test_says_what_to_do_when_it_fails() -> None:
    tests = [name for name in dir(ProtocolTests) if name.startswith("test_")]
    assert len(tests) > 30
    silent = [
        name
        for name in tests
        if "On failure:" not in (getattr(ProtocolTests, name).__doc__ or "")
    ]
    assert silent == []


@pytest.mark.parametrize(
    "settings",
    [{}, {"runtime": "onnx", "model_class": "any:Thing"}],
    ids=["neither", "both"],
)
def test_a_runtime_or_a_class_is_named(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    kit = type("Mine", (ProtocolTests,), settings)
    with pytest.raises(pytest.fail.Exception, match="either runtime or model_class"):
        kit().arguments(tmp_path)


def test_flags_are_those_of_the_server(tmp_path: Path) -> None:
    class Mine(ProtocolTests):
        __test__ = False
        runtime = "onnx"
        options = {"softmax": True, "rows": 3}  # noqa: RUF012 - as authors write it
        flags = ("--request_timeout=9",)

    assert Mine().arguments(tmp_path) == [
        "--runtime=onnx",
        "--model_name=kit-model",
        f"--model_dir={tmp_path}",
        "--softmax=true",
        "--rows=3",
        "--request_timeout=9",
    ]


def test_a_class_beside_the_test_is_found_by_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside.py").touch()
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    for target in ("beside:Thing", "packed:Thing", "packed.inner:Thing"):
        assert importable(target) == {"PYTHONPATH": str(tmp_path)}
    assert importable("nowhere_at_all:Thing") == importable("") == {}
