"""Boosted trees, served as their example says and asked in every protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import lightgbm
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from runtimes.serving import copy_example, serving
from sklearn.datasets import load_breast_cancer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from running import Running

DATA = load_breast_cancer()
ROWS = DATA.data[:40]
NAMES = [str(name).replace(" ", "_") for name in DATA.feature_names]
#: KServe's older way to write the same.
LEGACY = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: legacy
spec:
  predictor:
    lightgbm:
      storageUri: ./tumours
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the example with the model that its script makes."""
    return copy_example(
        "lightgbm", tmp_path_factory.mktemp("example"), makes="tumours", legacy=LEGACY
    )


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Running]:
    with serving(folder, "tumours", "legacy") as running:
        yield running


@pytest.fixture(scope="module")
def booster(folder: Path) -> Any:
    return lightgbm.Booster(model_file=folder / "tumours" / "model.txt")


@pytest.mark.parametrize("name", ["tumours", "legacy"])
def test_v1_takes_rows(running: Running, booster: Any, name: str) -> None:
    answer = running.post(f"/v1/models/{name}:predict", {"instances": ROWS.tolist()})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"predictions": booster.predict(ROWS).tolist()}


def test_v1_takes_features_by_name(running: Running, booster: Any) -> None:
    rows = [dict(zip(NAMES, row, strict=True)) for row in ROWS.tolist()]
    answer = running.post("/v1/models/tumours:predict", {"instances": rows})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"predictions": booster.predict(ROWS).tolist()}


def test_v2_gives_what_is_asked_for_by_name(running: Running, booster: Any) -> None:
    given = {"name": "input-0", "datatype": "FP64", "shape": [40, 30]}
    names = ["predict_class", "raw_score", "pred_contrib"]
    body = {
        "inputs": [{**given, "data": ROWS.ravel().tolist()}],
        "outputs": [{"name": name} for name in names],
    }
    answer = running.post("/v2/models/tumours/infer", body)
    assert answer.status_code == 200, answer.text
    outputs = answer.json()["outputs"]
    assert [each["name"] for each in outputs] == names
    found = [np.reshape(each["data"], each["shape"]) for each in outputs]
    np.testing.assert_array_equal(found[0], booster.predict(ROWS) > 0.5)
    np.testing.assert_array_equal(found[1], booster.predict(ROWS, raw_score=True))
    np.testing.assert_array_equal(found[2], booster.predict(ROWS, pred_contrib=True))


@pytest.mark.parametrize("module", [tritonclient.http, tritonclient.grpc])
def test_binary_v2_and_grpc_give_the_bits_of_the_booster(
    running: Running, booster: Any, module: Any
) -> None:
    given = module.InferInput("input-0", list(ROWS.shape), "FP64")
    given.set_data_from_numpy(ROWS)
    with module.InferenceServerClient(f"127.0.0.1:{running.port}") as client:
        answer = client.infer("tumours", [given])
    np.testing.assert_array_equal(answer.as_numpy("predict"), booster.predict(ROWS))


def test_the_metadata_is_the_models_own(running: Running) -> None:
    told = httpx.get(f"{running.url}/v2/models/tumours", timeout=30).json()
    assert told["platform"] == "lightgbm"
    assert told["inputs"] == [
        {"name": "input-0", "datatype": "FP64", "shape": [-1, 30]}
    ]


def test_what_does_not_fit_is_said(running: Running) -> None:
    answer = running.post("/v1/models/tumours:predict", {"instances": [{"x": 1}]})
    assert answer.status_code == 400
    assert "unknown input 'x'" in answer.json()["error"]
