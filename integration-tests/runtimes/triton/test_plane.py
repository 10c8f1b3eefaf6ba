"""A Triton repository, served as its example says and asked in every protocol."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import onnx
import onnx.reference
import psutil
import pytest
import tritonclient.grpc
import tritonclient.http
from runtimes.serving import apply, copy_example, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from running import Running

POINTS = np.array([[0, 0], [1, 0], [0.5, -2]], np.float32)
#: KServe's older way to write the same, of a repository without a model of its name.
LEGACY = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: legacy
spec:
  predictor:
    triton:
      storageUri: ./models
      args: ["--models=words"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the example with the repository that its script makes."""
    return copy_example(
        "triton", tmp_path_factory.mktemp("example"), makes="models", legacy=LEGACY
    )


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Running]:
    settings = {
        "INFERRY_PLUGINS__TRITON__TRUST": str(folder),
        "INFERRY_PLUGINS__TRITON__REQUIREMENTS": "onnxruntime==1.20.1",
        "OMP_NUM_THREADS": "1",
    }
    files = ["service.yaml"]
    with serving(folder, "plane", files=files, environment=settings) as running:
        apply(running, "legacy")
        yield running


@pytest.fixture(scope="module")
def expected(folder: Path) -> np.ndarray[Any, Any]:
    """Return what onnx's own reference gives."""
    model = onnx.load(folder / "models" / "plane" / "1" / "model.onnx")
    (found,) = onnx.reference.ReferenceEvaluator(model).run(None, {"point": POINTS})
    answer: np.ndarray[Any, Any] = found
    return answer


def test_v2_in_json_and_v1_answer_as_the_model(
    running: Running, expected: np.ndarray[Any, Any]
) -> None:
    given = {
        "name": "point",
        "datatype": "FP32",
        "shape": list(POINTS.shape),
        "data": POINTS.ravel().tolist(),
    }
    v2 = running.post("/v2/models/plane/infer", {"id": "7", "inputs": [given]})
    assert v2.status_code == 200, v2.text
    assert v2.json()["id"] == "7"
    (height,) = v2.json()["outputs"]
    np.testing.assert_allclose(height["data"], expected.ravel(), rtol=1e-5)
    v1 = running.post("/v1/models/plane:predict", {"instances": POINTS.tolist()})
    np.testing.assert_allclose(v1.json()["predictions"], expected, rtol=1e-5)


def _given(module: Any) -> Any:
    tensor = module.InferInput("point", list(POINTS.shape), "FP32")
    tensor.set_data_from_numpy(POINTS)
    return tensor


def test_tensors_pass_through_as_bytes(
    running: Running, expected: np.ndarray[Any, Any]
) -> None:
    address = running.url.removeprefix("http://")
    with tritonclient.http.InferenceServerClient(address) as client:
        answer = client.infer("plane", [_given(tritonclient.http)])
        assert client.get_model_metadata("plane")["platform"] == "python"
        assert client.get_model_config("plane")["max_batch_size"] == 64
    np.testing.assert_allclose(answer.as_numpy("height"), expected, rtol=1e-5)


def test_grpc_passes_through(running: Running, expected: np.ndarray[Any, Any]) -> None:
    address = running.url.removeprefix("http://")
    with tritonclient.grpc.InferenceServerClient(address) as client:
        answer = client.infer("plane", [_given(tritonclient.grpc)])
    np.testing.assert_allclose(answer.as_numpy("height"), expected, rtol=1e-5)


def test_a_stream_comes_word_by_word(running: Running) -> None:
    with httpx.stream(
        "POST",
        f"{running.url}/v2/models/legacy/generate_stream",
        json={"text": "one two three"},
        timeout=30,
    ) as answer:
        assert answer.status_code == 200
        events = [
            json.loads(line.removeprefix("data: "))
            for line in answer.iter_lines()
            if line
        ]
    assert [each["word"] for each in events] == ["one", "two", "three"]


def test_each_model_answers_at_the_address_of_the_service(running: Running) -> None:
    told = httpx.get(f"{running.url}/serving/default/plane/v2/models/words", timeout=30)
    assert told.json()["outputs"] == [
        {"name": "word", "datatype": "BYTES", "shape": [1]}
    ]


def test_a_wrong_request_is_the_clients(running: Running) -> None:
    wrong = {"name": "w", "datatype": "FP32", "shape": [1, 2], "data": [0, 0]}
    answer = running.post("/v2/models/plane/infer", {"inputs": [wrong]})
    assert answer.status_code == 400
    assert "'w'" in answer.json()["error"]
    assert running.post("/v2/models/plane/infer", {"inputs": 1}).status_code == 400


def test_a_killed_server_comes_back(running: Running) -> None:
    for process in running.descendants():
        if process.name() == "tritonserver":
            process.send_signal(9)
    given = {"name": "point", "datatype": "FP32", "shape": [1, 2], "data": [0, 0]}

    def answers() -> bool:
        answer = running.post("/v2/models/plane/infer", {"inputs": [given]})
        assert answer.status_code in {200, 502, 503}, answer.text
        return answer.status_code == 200

    running.wait_for(answers, "Triton to answer again")


def test_nothing_runs_in_the_name_of_others(running: Running) -> None:
    servers = [each for each in running.descendants() if each.name() == "tritonserver"]
    assert len(servers) == 2
    for server in servers:
        for socket in server.net_connections(kind="inet"):
            if socket.status == psutil.CONN_LISTEN:
                assert socket.laddr.ip in {"127.0.0.1", "::ffff:127.0.0.1"}
