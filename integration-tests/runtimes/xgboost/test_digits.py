"""Boosted trees, served as their example says and asked in every protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
import xgboost
from runtimes.serving import copy_example, serving
from sklearn.datasets import load_digits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from running import Running

ROWS = load_digits().data[:40].astype(np.float32)
#: KServe's older way to write the same; it answers as KServe's server does.
LEGACY = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: legacy
spec:
  predictor:
    xgboost:
      storageUri: ./digits
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the example with the model that its script makes."""
    return copy_example(
        "xgboost", tmp_path_factory.mktemp("example"), makes="digits", legacy=LEGACY
    )


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Running]:
    with serving(folder, "digits", "legacy") as running:
        yield running


@pytest.fixture(scope="module")
def expected(folder: Path) -> np.ndarray[Any, Any]:
    """Return the probabilities that the bare library gives."""
    booster = xgboost.Booster(model_file=folder / "digits" / "model.ubj")
    found: np.ndarray[Any, Any] = booster.predict(xgboost.DMatrix(ROWS))
    return found


def tensor(rows: np.ndarray[Any, Any]) -> dict[str, Any]:
    return {
        "name": "input-0",
        "datatype": "FP32",
        "shape": list(rows.shape),
        "data": rows.ravel().tolist(),
    }


def test_v1_gives_the_classes_that_the_example_asks_for(
    running: Running, expected: np.ndarray[Any, Any]
) -> None:
    answer = running.post("/v1/models/digits:predict", {"instances": ROWS.tolist()})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"predictions": expected.argmax(axis=1).tolist()}


def test_the_legacy_key_answers_as_the_booster(
    running: Running, expected: np.ndarray[Any, Any]
) -> None:
    answer = running.post("/v1/models/legacy:predict", {"instances": ROWS.tolist()})
    np.testing.assert_allclose(answer.json()["predictions"], expected, rtol=1e-6)


def test_v2_gives_what_is_asked_for_by_name(
    running: Running, expected: np.ndarray[Any, Any]
) -> None:
    body = {"inputs": [tensor(ROWS)], "outputs": [{"name": "predict_proba"}]}
    answer = running.post("/v2/models/digits/infer", body)
    assert answer.status_code == 200, answer.text
    (output,) = answer.json()["outputs"]
    found = np.reshape(output["data"], output["shape"])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("module", [tritonclient.http, tritonclient.grpc])
def test_binary_v2_and_grpc_give_the_bits_of_the_booster(
    running: Running, expected: np.ndarray[Any, Any], module: Any
) -> None:
    given = module.InferInput("input-0", list(ROWS.shape), "FP32")
    given.set_data_from_numpy(ROWS)
    wanted = [module.InferRequestedOutput("predict")]
    with module.InferenceServerClient(f"127.0.0.1:{running.port}") as client:
        answer = client.infer("digits", [given], outputs=wanted)
    np.testing.assert_array_equal(answer.as_numpy("predict"), expected)


def test_the_metadata_is_the_models_own(running: Running) -> None:
    told = httpx.get(f"{running.url}/v2/models/digits", timeout=30).json()
    assert told["platform"] == "xgboost"
    assert told["inputs"] == [
        {"name": "input-0", "datatype": "FP32", "shape": [-1, 64]}
    ]
    assert {"name": "predict", "datatype": "FP32", "shape": [-1, 10]} in told["outputs"]


def test_what_does_not_fit_is_said(running: Running) -> None:
    answer = running.post("/v1/models/digits:predict", {"instances": [[1, 2]]})
    assert answer.status_code == 400
    assert "[-1, 64]" in answer.json()["error"]
