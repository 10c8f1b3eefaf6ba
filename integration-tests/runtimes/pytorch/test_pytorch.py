"""Real models of PyTorch, served as a user does and asked in every protocol."""

from __future__ import annotations

import importlib.util
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import torch
import tritonclient.grpc
import tritonclient.http
from runtimes.serving import apply, copy_example, serving

from inferry.model import InferRequest, Tensor
from inferry_runtime_onnx.model import OnnxModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from running import Running

#: The older way to write it, a model that remembers, and weights with their class.
SERVICES = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: legacy
spec:
  predictor:
    pytorch:
      protocolVersion: v2
      storageUri: ./ring
      args: ["--threads=1"]
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: speech
spec:
  predictor:
    model:
      modelFormat:
        name: pytorch
      protocolVersion: v2
      storageUri: ./speech
      args:
        - --threads=1
        - --inputs=x:FP32:-1x512,sr:INT64:1
        - --outputs=speech:FP32:-1x1
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: faces
spec:
  predictor:
    model:
      modelFormat:
        name: pytorch
      protocolVersion: v2
      storageUri: ./faces
      args:
        - --threads=1
        - --modelClass=facenet_pytorch.models.mtcnn:PNet
        - '--modelArguments={"pretrained": false}'
        - --inputs=x:FP32:-1x3x-1x-1
        - --outputs=boxes,faces
"""
NAMES = ("legacy", "speech", "faces")
RATE, CHUNK, CONTEXT = 16000, 512, 64
POINTS = [[0.0, 0.0], [1.9, 1.9], [0.3, -0.4]]


def packaged(package: str, *parts: str) -> Path:
    """Return a file of *package*, which is not imported for it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.fail(f"install it: uv pip install --no-deps {package}")
    return Path(spec.origin).parent.joinpath(*parts)


def sound() -> np.ndarray[Any, Any]:
    """Return chunks of something that rises and falls as a voice does."""
    seconds = np.arange(CHUNK * 12) / RATE
    voice = sum(np.sin(2 * np.pi * 140 * n * seconds) / n for n in range(1, 12))
    loudness = 0.3 * (1 + np.sin(2 * np.pi * 4 * seconds))
    found: np.ndarray[Any, Any] = (voice * loudness).astype(np.float32)
    return found.reshape(-1, 1, CHUNK)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the example with the model that its script makes."""
    folder = copy_example("pytorch", tmp_path_factory.mktemp("example"), makes="ring")
    for name, source in {
        "speech": packaged("silero_vad", "data", "silero_vad.jit"),
        "faces": packaged("facenet_pytorch", "data", "pnet.pt"),
    }.items():
        (folder / name).mkdir()
        shutil.copy(source, folder / name)
    for name, document in zip(NAMES, SERVICES.split("---\n"), strict=True):
        (folder / f"{name}.yaml").write_text(document)
    return folder


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Running]:
    alone = {"OMP_NUM_THREADS": "1"}
    files = ["service.yaml"]
    with serving(folder, "ring", files=files, environment=alone) as running:
        # One after the other: each imports torch, which keeps a small machine busy.
        for name in NAMES:
            apply(running, name)
        yield running


@pytest.fixture(scope="module")
def ring(folder: Path) -> dict[str, Any]:
    """Return what the bare library says of the points."""
    module = torch.export.load(folder / "ring" / "model.pt2").module()
    with torch.inference_mode():
        return {
            name: each.numpy() for name, each in module(torch.tensor(POINTS)).items()
        }


def test_v1_gives_what_the_library_does(running: Running, ring: dict[str, Any]) -> None:
    for name in ("ring", "legacy"):
        answer = running.post(f"/v1/models/{name}:predict", {"instances": POINTS})

        rows = answer.json()["predictions"]
        assert [row["inside"] for row in rows] == ring["inside"].tolist() == [1, 0, 1]
        np.testing.assert_allclose(
            [row["probabilities"] for row in rows], ring["probabilities"], atol=1e-6
        )


def test_v2_tells_the_signature_and_answers(
    running: Running, ring: dict[str, Any]
) -> None:
    metadata = httpx.get(f"{running.url}/v2/models/ring").json()
    assert metadata["platform"] == "pytorch_export"
    assert metadata["inputs"] == [
        {"name": "points", "datatype": "FP32", "shape": [-1, 2]}
    ]
    assert metadata["outputs"] == [
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]},
        {"name": "inside", "datatype": "INT64", "shape": [-1]},
    ]

    given = {"name": "points", "datatype": "FP32", "shape": [3, 2], "data": POINTS}
    answer = running.post("/v2/models/ring/infer", {"inputs": [given]}).json()

    found = {each["name"]: each["data"] for each in answer["outputs"]}
    assert found["inside"] == ring["inside"].tolist()
    np.testing.assert_allclose(
        found["probabilities"], ring["probabilities"].ravel(), atol=1e-6
    )


@pytest.mark.parametrize("module", [tritonclient.http, tritonclient.grpc])
def test_binary_v2_and_grpc_answer(
    running: Running, ring: dict[str, Any], module: Any
) -> None:
    given = module.InferInput("points", [3, 2], "FP32")
    given.set_data_from_numpy(np.array(POINTS, np.float32))

    with module.InferenceServerClient(f"127.0.0.1:{running.port}") as client:
        answer = client.infer("ring", [given])

    np.testing.assert_array_equal(answer.as_numpy("inside"), ring["inside"])
    np.testing.assert_allclose(
        answer.as_numpy("probabilities"), ring["probabilities"], atol=1e-6
    )


def test_a_wrong_request_is_told(running: Running) -> None:
    given = {"name": "points", "datatype": "FP32", "shape": [1, 3], "data": [0, 0, 0]}

    answer = running.post("/v2/models/ring/infer", {"inputs": [given]})

    assert answer.status_code == 400
    assert "'points' has shape [1, 3], expected [-1, 2]" in answer.json()["error"]


def heard(client: Any, module: Any, chunk: np.ndarray[Any, Any], **more: Any) -> float:
    """Return how probable speech is in *chunk*."""
    x = module.InferInput("x", list(chunk.shape), "FP32")
    x.set_data_from_numpy(chunk)
    rate = module.InferInput("sr", [1], "INT64")
    rate.set_data_from_numpy(np.array([RATE]))
    return float(client.infer("speech", [x, rate], **more).as_numpy("speech")[0, 0])


@pytest.mark.parametrize("module", [tritonclient.http, tritonclient.grpc])
def test_two_voices_do_not_mix(running: Running, module: Any) -> None:
    chunks = sound()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bare = torch.jit.load(str(packaged("silero_vad", "data", "silero_vad.jit")))
    with torch.inference_mode():
        expected = [float(bare(torch.from_numpy(each), RATE)) for each in chunks]
        bare.reset_states()
        silence = [float(bare(torch.zeros(1, CHUNK), RATE)) for _ in chunks]
    assert max(expected) > 2 * max(silence)

    found, quiet = [], []
    with module.InferenceServerClient(f"127.0.0.1:{running.port}") as client:
        for at, chunk in enumerate(chunks):
            steps = {"sequence_start": at == 0, "sequence_end": at == len(chunks) - 1}
            found.append(heard(client, module, chunk, sequence_id=1, **steps))
            quiet.append(heard(client, module, chunk * 0, sequence_id=2, **steps))
        alone = heard(client, module, chunks[0])

    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(quiet, silence, atol=1e-5)
    assert alone == pytest.approx(expected[0], abs=1e-5)


def test_the_twin_that_gives_its_state_to_the_client_agrees(running: Running) -> None:
    onnx = OnnxModel()
    onnx.load(packaged("silero_vad", "data", "silero_vad.onnx"), {"threads": 1})
    state = np.zeros((2, 1, 128), np.float32)
    context = np.zeros((1, CONTEXT), np.float32)
    found = []
    module = tritonclient.http
    with module.InferenceServerClient(f"127.0.0.1:{running.port}") as client:
        for at, chunk in enumerate(sound()):
            given = np.concatenate([context, chunk], axis=1)
            tensors = (
                Tensor(name="input", datatype="FP32", data=given),
                Tensor(name="state", datatype="FP32", data=state),
                Tensor(name="sr", datatype="INT64", data=np.array(RATE)),
            )
            score, after = onnx.predict(InferRequest(inputs=tensors)).outputs
            state, context = after.data, chunk[:, -CONTEXT:]
            steps = {"sequence_id": 3, "sequence_start": at == 0}
            found.append((score.data[0, 0], heard(client, module, chunk, **steps)))

    twin, served = zip(*found, strict=True)
    np.testing.assert_allclose(served, twin, atol=1e-3)


def test_weights_with_their_class_find_faces(running: Running) -> None:
    from facenet_pytorch.models.mtcnn import PNet

    weights = torch.load(packaged("facenet_pytorch", "data", "pnet.pt"))
    bare = PNet(pretrained=False)
    bare.load_state_dict(weights)
    picture = np.random.default_rng(0).random((2, 3, 40, 60)).astype(np.float32)
    with torch.inference_mode():
        boxes, faces = bare(torch.from_numpy(picture))

    module = tritonclient.grpc
    given = module.InferInput("x", list(picture.shape), "FP32")
    given.set_data_from_numpy(picture)
    with module.InferenceServerClient(f"127.0.0.1:{running.port}") as client:
        answer = client.infer("faces", [given])
        metadata = client.get_model_metadata("faces", as_json=True)

    np.testing.assert_allclose(answer.as_numpy("boxes"), boxes, atol=1e-4)
    np.testing.assert_allclose(answer.as_numpy("faces"), faces, atol=1e-5)
    shapes = [each["shape"] for each in metadata["outputs"]]
    assert shapes == [["-1", "4", "-1", "-1"], ["-1", "2", "-1", "-1"]]
