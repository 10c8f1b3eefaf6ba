"""Real models that read text, served as their example says, beside their ONNX twins."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import onnxruntime
import pytest
import tritonclient.grpc
import tritonclient.http
from runtimes.serving import copy_example, serving

from inferry.model import InferRequest, Tensor
from inferry_runtime_paddle.model import PaddleModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from running import Running

#: KServe's older way to write the same.
LEGACY = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: recognition
spec:
  predictor:
    paddle:
      storageUri: ./ocr/recognition
      args: ["--threads=1", "--tryFirst=false"]
"""
TWINS = {
    "detection": ("ch_PP-OCRv4_det_infer.onnx", (1, 3, 160, 192)),
    "direction": ("ch_ppocr_mobile_v2.0_cls_infer.onnx", (2, 3, 48, 192)),
    "recognition": ("ch_PP-OCRv4_rec_infer.onnx", (2, 3, 48, 160)),
}


def image(name: str) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(7)
    return (random.random(TWINS[name][1]) * 2 - 1).astype(np.float32)


def twin(name: str) -> np.ndarray[Any, Any]:
    """Return what the same model answers in onnxruntime."""
    package = find_spec("rapidocr_onnxruntime")
    if package is None or package.origin is None:
        pytest.fail("install it: pip install --no-deps rapidocr-onnxruntime==1.4.4")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = Path(package.origin).parent / "models" / TWINS[name][0]
    session = onnxruntime.InferenceSession(str(path), options)
    (answer,) = session.run(None, {session.get_inputs()[0].name: image(name)})
    found: np.ndarray[Any, Any] = answer
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the example with the models that its script makes."""
    return copy_example(
        "paddle", tmp_path_factory.mktemp("example"), makes="ocr", legacy=LEGACY
    )


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Running]:
    with serving(folder, "direction", "recognition") as running:
        yield running


@pytest.mark.parametrize("name", list(TWINS))
def test_answers_are_those_of_the_onnx_twin(folder: Path, name: str) -> None:
    model = PaddleModel()
    model.load(folder / "ocr" / name, {"threads": 1, "tryFirst": False})
    given = Tensor(name="x", datatype="FP32", data=image(name))

    (answer,) = model.predict(InferRequest(inputs=(given,))).outputs

    np.testing.assert_allclose(answer.data, twin(name), rtol=1e-3, atol=1e-4)


def test_v1_gives_the_direction(running: Running) -> None:
    body = {"instances": image("direction").tolist()}

    answer = running.post("/v1/models/direction:predict", body).json()

    expected = twin("direction")
    np.testing.assert_allclose(answer["predictions"], expected, rtol=1e-3, atol=1e-4)


def test_v2_gives_the_direction(running: Running) -> None:
    data = image("direction")
    given = {"name": "x", "datatype": "FP32", "shape": data.shape}
    body = {"inputs": [{**given, "data": data.ravel().tolist()}]}

    (output,) = running.post("/v2/models/direction/infer", body).json()["outputs"]

    assert output["shape"] == [2, 2]
    found = np.array(output["data"]).reshape(2, 2)
    np.testing.assert_allclose(found, twin("direction"), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("module", [tritonclient.http, tritonclient.grpc])
def test_binary_v2_and_grpc_read_text(running: Running, module: Any) -> None:
    data = image("recognition")
    given = module.InferInput("x", list(data.shape), "FP32")
    given.set_data_from_numpy(data)
    with module.InferenceServerClient(f"127.0.0.1:{running.port}") as client:
        (output,) = client.get_model_metadata("recognition", **_as_json(module))[
            "outputs"
        ]
        found = client.infer("recognition", [given]).as_numpy(output["name"])

    np.testing.assert_allclose(found, twin("recognition"), rtol=1e-3, atol=1e-4)


def _as_json(module: Any) -> dict[str, bool]:
    return {"as_json": True} if module is tritonclient.grpc else {}


def test_tells_its_signature(running: Running) -> None:
    answer = httpx.get(f"{running.url}/v2/models/direction").json()

    assert answer["platform"] == "paddle_inference"
    assert answer["inputs"] == [
        {"name": "x", "datatype": "FP32", "shape": [-1, 3, -1, -1]}
    ]


def test_refuses_what_does_not_fit(running: Running) -> None:
    for body, said in (
        ({"instances": [[1]]}, "expected [-1, 3, -1, -1]"),
        ({"instances": [{"nonsense": 1}]}, "nonsense"),
    ):
        answer = running.post("/v1/models/direction:predict", body)
        assert answer.status_code == 400, answer.text
        assert said in answer.json()["error"]
