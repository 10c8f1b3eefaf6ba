"""A real model, real files: magika's file-type classifier on the onnx runtime."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

from inferry.errors import InvalidInput
from inferry.model import InferRequest, Tensor, TensorSpec
from inferry_runtime_onnx.model import OnnxModel
from inferry_server import ModelServer, ModelSpec, ServerSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REPOSITORY = Path(__file__).resolve().parents[1]
FILES = {
    "noxfile.py": "python",
    "README.md": "markdown",
    "LICENSE": "txt",
    "pyproject.toml": "toml",
}
PADDING = 256
WINDOW = 1024
BLOCK = 4096


def model_folder() -> Path:
    # Found without importing magika, whose own dependencies are not needed.
    spec = find_spec("magika")
    if spec is None or spec.origin is None:
        pytest.fail("install it: uv pip install --no-deps magika==1.0.3")
    return Path(spec.origin).parent / "models" / "standard_v3_3"


def features(content: bytes) -> list[int]:
    """Return what the model reads: the first and the last 1024 bytes, 256 for none."""
    start = content[:BLOCK].lstrip()[:WINDOW]
    end = content[-BLOCK:].rstrip()[-WINDOW:]
    before, after = WINDOW - len(end), WINDOW - len(start)
    return [*start, *[PADDING] * after, *[PADDING] * before, *end]


def labels() -> list[str]:
    config = json.loads((model_folder() / "config.min.json").read_text())
    found: list[str] = config["target_labels_space"]
    return found


def rows() -> list[list[int]]:
    return [features((REPOSITORY / name).read_bytes()) for name in FILES]


@pytest.fixture(scope="module")
def model() -> OnnxModel:
    made = OnnxModel()
    made.load(model_folder(), {})
    return made


def ask(model: OnnxModel, values: Any) -> np.ndarray[Any, Any]:
    tensor = Tensor(name="bytes", datatype="INT32", data=np.array(values, np.int32))
    (answer,) = model.predict(InferRequest(inputs=(tensor,))).outputs
    return answer.data


def test_the_signature_is_the_models_own(model: OnnxModel) -> None:
    metadata = model.metadata()

    assert metadata.inputs == (
        TensorSpec(name="bytes", datatype="INT32", shape=(-1, 2048)),
    )
    assert metadata.outputs == (
        TensorSpec(name="target_label", datatype="FP32", shape=(-1, 214)),
    )
    assert model.batching is True
    assert len(labels()) == 214


def test_files_of_this_repository_get_their_type(model: OnnxModel) -> None:
    scores = ask(model, rows())

    found = [labels()[best] for best in scores.argmax(axis=1)]
    assert found == list(FILES.values())
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)


def test_a_batch_gives_what_single_requests_give(model: OnnxModel) -> None:
    single = np.concatenate([ask(model, [row]) for row in rows()])

    np.testing.assert_allclose(ask(model, rows()), single, rtol=1e-4, atol=1e-6)


def test_what_does_not_fit_is_named(model: OnnxModel) -> None:
    with pytest.raises(InvalidInput, match=r"'bytes' has shape \[1, 7\]"):
        ask(model, [[0] * 7])


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    server = ModelServer(ServerSettings(http_port=0))
    port = await server.start()
    spec = ModelSpec(
        name="filetype",
        runtime="onnx",
        target="inferry_runtime_onnx.model:OnnxModel",
        path=model_folder(),
        options={},
    )
    state = await server.load(spec)
    assert state.phase == "Ready", state
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as made:
        yield made
    await server.stop()


async def test_v1_and_v2_give_the_same_answers(client: httpx.AsyncClient) -> None:
    tensor = {
        "name": "bytes",
        "datatype": "INT32",
        "shape": [len(FILES), 2048],
        "data": [number for row in rows() for number in row],
    }

    v1 = await client.post("/v1/models/filetype:predict", json={"instances": rows()})
    v2 = await client.post("/v2/models/filetype/infer", json={"inputs": [tensor]})

    assert (v1.status_code, v2.status_code) == (200, 200), (v1.text, v2.text)
    over_v1 = np.array(v1.json()["predictions"])
    over_v2 = np.array(v2.json()["outputs"][0]["data"]).reshape(over_v1.shape)
    np.testing.assert_allclose(over_v1, over_v2)
    assert [labels()[best] for best in over_v1.argmax(axis=1)] == list(FILES.values())


async def test_the_metadata_is_told_over_v2(client: httpx.AsyncClient) -> None:
    told = (await client.get("/v2/models/filetype")).json()

    assert told["platform"] == "onnxruntime_onnx"
    assert told["inputs"] == [
        {"name": "bytes", "datatype": "INT32", "shape": [-1, 2048]}
    ]
