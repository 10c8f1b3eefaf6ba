"""The ``curl`` line: it can be pasted, and asks for what the model takes."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from inferry_local._example import example, tensor

if TYPE_CHECKING:
    from collections.abc import Iterator


class Server:
    def __init__(self) -> None:
        self.url = ""
        self.inputs: list[dict[str, Any]] | None = []
        self.bodies: list[Any] = []


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = state.inputs is not None
            self.reply(200 if found else 404, {"inputs": state.inputs})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.bodies.append(json.loads(body))
            self.reply(200, {})

        def reply(self, status: int, value: Any) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    state.url = f"http://127.0.0.1:{listening.server_port}/serving/default/iris"
    yield state
    listening.shutdown()
    thread.join()
    listening.server_close()


def test_a_small_model_gets_its_request_written_out(server: Server) -> None:
    server.inputs = [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]

    words = shlex.split(example(server.url, "iris"))

    assert words[:2] == ["curl", f"{server.url}/v2/models/iris/infer"]
    assert json.loads(words[3]) == {
        "inputs": [
            {
                "name": "x",
                "shape": [1, 4],
                "datatype": "FP32",
                "data": [0.5, 1.5, 2.5, 3.5],
            }
        ]
    }


@pytest.mark.skipif(shutil.which("curl") is None, reason="the line calls curl")
@pytest.mark.parametrize(
    "inputs",
    [
        [{"name": "it's", "datatype": "BYTES", "shape": [-1, 1]}],
        [{"name": "image", "datatype": "FP32", "shape": [-1, 3, 32, 32]}],
        [
            {"name": "image", "datatype": "UINT8", "shape": [-1, 100]},
            {"name": "flag", "datatype": "BOOL", "shape": [1]},
        ],
    ],
)
def test_the_line_works_when_it_is_pasted(server: Server, inputs: list[Any]) -> None:
    server.inputs = inputs

    subprocess.run(
        ["bash", "-c", example(server.url, "iris")], check=True, capture_output=True
    )

    (body,) = server.bodies
    assert [each["name"] for each in body["inputs"]] == [
        each["name"] for each in inputs
    ]
    for each in body["inputs"]:
        assert each == tensor(
            next(one for one in inputs if one["name"] == each["name"])
        )


def test_a_line_is_never_long(server: Server) -> None:
    server.inputs = [{"name": "image", "datatype": "FP32", "shape": [-1, 3, 224, 224]}]

    assert len(example(server.url, "iris")) < 400


@pytest.mark.parametrize("inputs", [None, []])
def test_a_model_that_says_nothing_gets_v1(server: Server, inputs: Any) -> None:
    server.inputs = inputs

    words = shlex.split(example(server.url, "iris"))

    assert words[1] == f"{server.url}/v1/models/iris:predict"
    assert json.loads(words[3]) == {"instances": [[1.0, 2.0]]}


def test_a_server_that_is_gone_still_gives_a_line() -> None:
    assert example("http://127.0.0.1:9", "iris").startswith("curl ")
