"""``inferry predict`` against a real HTTP server."""

from __future__ import annotations

import json
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

IRIS = [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]
OUTPUTS = [{"name": "y", "datatype": "INT64", "shape": [2], "data": [0, 2]}]


class Recorder:
    """What the server shall answer, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.inputs: list[dict[str, Any]] | None = IRIS
        self.status = 200
        self.answer: Any = {"model_name": "iris", "outputs": OUTPUTS}
        self.path = ""
        self.headers: dict[str, str] = {}
        self.body = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def binary(self) -> tuple[dict[str, Any], bytes]:
        """Split a body of the binary tensor extension."""
        length = int(self.headers["Inference-Header-Content-Length"])
        return json.loads(self.body[:length]), self.body[length:]


@pytest.fixture
def server() -> Iterator[Recorder]:
    """Serve a model ``iris`` below ``/serving/default/iris``."""
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if recorder.inputs is None:
                self.reply(404, {"error": "no V2 here"})
            else:
                self.reply(200, {"name": "iris", "inputs": recorder.inputs})

        def do_POST(self) -> None:
            recorder.path = self.path
            recorder.headers = dict(self.headers)
            recorder.body = self.rfile.read(int(self.headers["Content-Length"]))
            self.reply(recorder.status, recorder.answer)

        def reply(self, status: int, value: Any) -> None:
            body = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    recorder.url = f"http://127.0.0.1:{listening.server_port}/serving/default/iris"
    yield recorder
    listening.shutdown()
    thread.join()
    listening.server_close()


@pytest.fixture
def predict(cli: Callable[..., Result], server: Recorder) -> Callable[..., Result]:
    """Return a function that asks ``iris`` of the server."""

    def call(*args: str, **options: Any) -> Result:
        return cli("predict", "iris", "--url", server.url, *args, **options)

    return call


def test_data_becomes_the_tensor_that_the_metadata_names(
    predict: Callable[..., Result], server: Recorder
) -> None:
    result = predict("--data", "[[5.1, 3.5, 1.4, 0.2], [6, 3, 5, 2]]")

    assert result.exit_code == 0
    assert server.path == "/serving/default/iris/v2/models/iris/infer"
    assert server.json == {
        "inputs": [
            {
                "name": "x",
                "datatype": "FP32",
                "shape": [2, 4],
                "data": [5.1, 3.5, 1.4, 0.2, 6, 3, 5, 2],
            }
        ]
    }
    assert json.loads(result.output) == server.answer


def test_a_single_row_becomes_a_batch_of_one(
    predict: Callable[..., Result], server: Recorder
) -> None:
    predict("--data", "[5.1, 3.5, 1.4, 0.2]")

    assert server.json["inputs"][0]["shape"] == [1, 4]


def test_values_become_a_column_where_each_row_has_one(
    predict: Callable[..., Result], server: Recorder
) -> None:
    server.inputs = [{"name": "text", "datatype": "BYTES", "shape": [-1, 1]}]

    predict("--data", '["good", "bad"]')

    assert server.json["inputs"][0]["shape"] == [2, 1]
    assert server.json["inputs"][0]["data"] == ["good", "bad"]


def test_an_object_gives_each_input_its_values(
    predict: Callable[..., Result], server: Recorder
) -> None:
    server.inputs = [
        {"name": "a", "datatype": "FP32", "shape": [-1]},
        {"name": "b", "datatype": "INT64", "shape": [-1]},
    ]

    predict("--data", '{"b": [1, 2], "a": [0.5, 1.5]}')

    by_name = {tensor["name"]: tensor for tensor in server.json["inputs"]}
    assert by_name["a"]["data"] == [0.5, 1.5]
    assert by_name["b"] == {
        "name": "b", "datatype": "INT64", "shape": [2], "data": [1, 2],
    }  # fmt: skip


def test_rows_are_split_into_columns_for_several_inputs(
    predict: Callable[..., Result], server: Recorder
) -> None:
    server.inputs = [
        {"name": "a", "datatype": "FP32", "shape": [-1, 1]},
        {"name": "b", "datatype": "BYTES", "shape": [-1, 1]},
    ]

    predict("--data", '[[0.5, "x"], [1.5, "y"]]')

    assert [t["data"] for t in server.json["inputs"]] == [[0.5, 1.5], ["x", "y"]]
    assert [t["shape"] for t in server.json["inputs"]] == [[2, 1], [2, 1]]


def test_a_wrong_input_name_says_what_the_model_takes(
    predict: Callable[..., Result], server: Recorder
) -> None:
    result = predict("--data", '{"z": [1]}')

    assert result.exit_code == 1
    assert "the model has no input 'z'" in result.stderr
    assert "it takes 'x' (FP32, shape [-1, 4])" in result.stderr


def test_rows_of_unequal_length_are_refused(
    predict: Callable[..., Result], server: Recorder
) -> None:
    result = predict("--data", "[[1, 2], [3]]")

    assert "the values for input 'x' are nested unequally" in result.stderr


def test_data_falls_back_to_v1_where_there_is_no_v2(
    predict: Callable[..., Result], server: Recorder
) -> None:
    server.inputs = None
    server.answer = {"predictions": [0]}

    result = predict("--data", "[[1, 2]]")

    assert server.path == "/serving/default/iris/v1/models/iris:predict"
    assert server.json == {"instances": [[1, 2]]}
    assert result.output == '{"predictions": [0]}\n'


def test_protocol_v1_asks_for_no_metadata(
    predict: Callable[..., Result], server: Recorder
) -> None:
    predict("--protocol", "v1", "--data", "[[1, 2]]")

    assert server.json == {"instances": [[1, 2]]}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ('{"instances": [[1]]}', "/v1/models/iris:predict"),
        ('{"inputs": []}', "/v2/models/iris/infer"),
    ],
)
def test_json_goes_as_it_is_by_its_keys(
    predict: Callable[..., Result], server: Recorder, body: str, path: str
) -> None:
    predict("--json", body)

    assert server.path.endswith(path)
    assert server.json == json.loads(body)


def test_json_of_neither_protocol_is_refused(
    predict: Callable[..., Result], server: Recorder
) -> None:
    result = predict("--json", '{"rows": []}')

    assert result.exit_code == 1
    assert "this is neither a V1 nor a V2 request" in result.stderr


def test_a_dash_is_stdin(predict: Callable[..., Result], server: Recorder) -> None:
    predict("--json", "-", input='{"instances": [7]}')

    assert server.json == {"instances": [7]}


def test_broken_json_is_refused(
    predict: Callable[..., Result], server: Recorder
) -> None:
    result = predict("--data", "[1,")

    assert result.exit_code == 1
    assert "--data: this is no JSON" in result.stderr
    assert "write numbers as '[[1, 2]]'" in result.stderr


def test_a_file_as_curl_takes_it_is_told_how_to_send_it(
    predict: Callable[..., Result], server: Recorder
) -> None:
    for option in ("--data", "--json"):
        result = predict(option, "@body.json")
        assert result.exit_code == 1
        assert "to send a file, write --file body.json" in result.stderr


def test_a_json_file_goes_as_it_is(
    predict: Callable[..., Result], server: Recorder, tmp_path: Path
) -> None:
    file = tmp_path / "request.json"
    file.write_text('{"instances": [1]}')

    predict("--file", str(file))

    assert server.json == {"instances": [1]}


def test_a_csv_file_with_a_header_becomes_rows(
    predict: Callable[..., Result], server: Recorder, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a,b,c,d\n5.1,3.5,1.4,0.2\n6,3,5,2\n")

    predict("--file", str(file))

    tensor = server.json["inputs"][0]
    assert tensor["shape"] == [2, 4]
    assert tensor["data"] == [5.1, 3.5, 1.4, 0.2, 6, 3, 5, 2]


def test_a_csv_file_without_a_header_keeps_its_first_row(
    predict: Callable[..., Result], server: Recorder, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("5.1,3.5,1.4,0.2\n")

    predict("--file", str(file))

    assert server.json["inputs"][0]["shape"] == [1, 4]


def test_columns_of_a_csv_file_are_matched_by_name(
    predict: Callable[..., Result], server: Recorder, tmp_path: Path
) -> None:
    server.inputs = [
        {"name": "b", "datatype": "BYTES", "shape": [-1]},
        {"name": "a", "datatype": "INT64", "shape": [-1]},
    ]
    file = tmp_path / "rows.csv"
    file.write_text("a,b,unused\n1,x,9\n2,7,9\n")

    predict("--file", str(file))

    assert [t["data"] for t in server.json["inputs"]] == [["x", "7"], [1, 2]]


def test_text_where_the_model_takes_numbers_is_refused(
    predict: Callable[..., Result], server: Recorder, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("1,2,3,4\n1,2,3,x\n")

    result = predict("--file", str(file))

    assert "'x' is no number, and the model takes FP32" in result.stderr


def npy(
    descr: str, shape: tuple[int, ...], data: bytes, *, fortran: bool = False
) -> bytes:
    """Write an ``.npy`` file, version 1.0."""
    header = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}}}"
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def test_an_npy_file_becomes_a_binary_tensor_of_the_models_type(
    predict: Callable[..., Result], server: Recorder, tmp_path: Path
) -> None:
    file = tmp_path / "rows.npy"
    file.write_bytes(npy("<f8", (4,), struct.pack("<4d", 5.1, 3.5, 1.4, 0.2)))

    predict("--file", str(file))

    head, data = server.binary
    assert head["inputs"] == [
        {
            "name": "x",
            "datatype": "FP32",
            "shape": [1, 4],
            "parameters": {"binary_data_size": 16},
        }
    ]
    assert data == struct.pack("<4f", 5.1, 3.5, 1.4, 0.2)


def test_column_major_and_big_endian_arrays_are_reordered(
    predict: Callable[..., Result], server: Recorder, tmp_path: Path
) -> None:
    file = tmp_path / "rows.npy"
    columns = struct.pack(">8f", 1, 5, 2, 6, 3, 7, 4, 8)
    file.write_bytes(npy(">f4", (2, 4), columns, fortran=True))

    predict("--file", str(file))

    assert server.binary[1] == struct.pack("<8f", 1, 2, 3, 4, 5, 6, 7, 8)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no array", "this is no .npy file"),
        (npy("<f4", (2, 2), b"\0" * 12), "the file is cut off"),
        (npy("|O", (1,), b"\0" * 8), "arrays of type |O cannot be sent"),
    ],
)
def test_a_bad_npy_file_is_refused(
    predict: Callable[..., Result],
    server: Recorder,
    tmp_path: Path,
    content: bytes,
    message: str,
) -> None:
    file = tmp_path / "rows.npy"
    file.write_bytes(content)

    result = predict("--file", str(file))

    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_numbers_that_do_not_fit_are_refused(
    predict: Callable[..., Result], server: Recorder, tmp_path: Path
) -> None:
    server.inputs = [{"name": "x", "datatype": "UINT8", "shape": [-1]}]
    file = tmp_path / "rows.npy"
    file.write_bytes(npy("<i4", (1,), struct.pack("<i", 300)))

    result = predict("--file", str(file))

    assert "the numbers do not fit into UINT8" in result.stderr


@pytest.mark.parametrize(
    ("takes", "sent"),
    [
        (("BYTES", [-1]), ([1], b"\x05\0\0\0hello")),
        (("BYTES", [-1, 1]), ([1, 1], b"\x05\0\0\0hello")),
        (("UINT8", [-1]), ([5], b"hello")),
        (("UINT8", [-1, -1]), ([1, 5], b"hello")),
    ],
)
def test_another_file_goes_as_its_bytes(
    predict: Callable[..., Result],
    server: Recorder,
    tmp_path: Path,
    takes: Any,
    sent: Any,
) -> None:
    datatype, shape = takes
    server.inputs = [{"name": "x", "datatype": datatype, "shape": shape}]
    file = tmp_path / "picture.png"
    file.write_bytes(b"hello")

    predict("--file", str(file))

    head, body = server.binary
    assert (head["inputs"][0]["shape"], body) == sent


def test_a_file_that_the_model_cannot_take_is_refused(
    predict: Callable[..., Result], server: Recorder, tmp_path: Path
) -> None:
    file = tmp_path / "picture.png"
    file.write_bytes(b"hello")

    result = predict("--file", str(file))

    assert "the model takes no bytes but 'x' (FP32, shape [-1, 4])" in result.stderr


def test_a_missing_file_is_refused(
    predict: Callable[..., Result], server: Recorder
) -> None:
    result = predict("--file", "nothing.csv")

    assert result.exit_code == 1
    assert "nothing.csv cannot be read: No such file" in result.stderr


def test_an_error_of_the_server_is_shown_with_its_status(
    predict: Callable[..., Result], server: Recorder
) -> None:
    server.status = 400
    server.answer = {"error": "input x has the wrong shape"}

    result = predict("--json", '{"inputs": []}')

    assert result.exit_code == 1
    expected = "error: the server answered 400: input x has the wrong shape\n"
    assert result.stderr == expected


def test_an_answer_that_is_no_json_is_an_error(
    predict: Callable[..., Result], server: Recorder
) -> None:
    server.answer = b"<html>"

    result = predict("--json", '{"inputs": []}')

    assert result.exit_code == 1
    assert "no JSON: '<html>'" in result.stderr


def test_a_server_that_is_not_there_is_one_line(cli: Callable[..., Result]) -> None:
    result = cli("predict", "iris", "--url", "http://127.0.0.1:9", "--data", "[1]")

    assert result.exit_code == 1
    assert "http://127.0.0.1:9 cannot be reached" in result.stderr


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://x", "http://x:no"])
def test_a_url_that_is_none_is_refused(cli: Callable[..., Result], url: str) -> None:
    result = cli("predict", "iris", "--url", url, "--data", "[1]")

    assert result.exit_code == 1
    assert "is no http url" in result.stderr


def test_headers_are_sent(predict: Callable[..., Result], server: Recorder) -> None:
    predict("--json", '{"inputs": []}', "-H", "Host: iris.example.com", "-H", "X-A: b")

    assert server.headers["Host"] == "iris.example.com"
    assert server.headers["X-A"] == "b"


def test_a_table_has_a_row_per_example(
    predict: Callable[..., Result], server: Recorder
) -> None:
    server.answer = {
        "outputs": [
            {"name": "label", "datatype": "INT64", "shape": [2], "data": [0, 2]},
            {
                "name": "p",
                "datatype": "FP32",
                "shape": [2, 2],
                "data": [0.9, 0.1, 0.25, 0.75],
            },
        ]
    }

    result = predict("--json", '{"inputs": []}', "-o", "table")

    assert result.output.splitlines() == [
        "label INT64[2]   p FP32[2, 2]",
        "0                0.9 0.1",
        "2                0.25 0.75",
    ]


def test_exactly_one_source_is_needed(predict: Callable[..., Result]) -> None:
    assert predict().exit_code == 2
    assert predict("--data", "1", "--json", "{}").exit_code == 2


def test_without_a_url_the_backend_says_where(
    cli: Callable[..., Result], backend: Any, server: Recorder
) -> None:
    backend.SERVICES[0] = backend.service("iris", url=server.url)

    result = cli("predict", "iris", "--data", "[[1, 2, 3, 4]]")

    assert result.exit_code == 0


def test_a_service_without_a_url_says_why(
    cli: Callable[..., Result], backend: Any
) -> None:
    result = cli("predict", "broken", "--data", "[1]")

    assert result.exit_code == 1
    assert "broken cannot answer, it is Failed: model.onnx is cut off" in result.stderr
    assert "save the model again" in result.stderr
