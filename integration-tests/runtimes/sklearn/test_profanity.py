"""A real text classifier in a pickle, served where the service allows it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import joblib
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from runtimes.serving import serving
from sklearn.pipeline import make_pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from running import Running

TEXTS = ["what a lovely morning", "you are a stupid idiot", "the train leaves at six"]
SERVICES = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: profanity
spec:
  predictor:
    model:
      modelFormat:
        name: sklearn
      storageUri: ./profanity
      args: ["--allowPickle=true"]
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: legacy
spec:
  predictor:
    sklearn:
      storageUri: ./profanity
      args: ["--allowPickle=true"]
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: refused
spec:
  predictor:
    sklearn:
      storageUri: ./profanity
"""


@pytest.fixture(scope="module")
def pipeline() -> Any:
    """Return both halves of the package's model as one pipeline."""
    package = find_spec("profanity_check")
    if package is None or package.origin is None:
        pytest.fail("install it: uv pip install --no-deps alt-profanity-check==1.9.1")
    data = Path(package.origin).parent / "data"
    return make_pipeline(
        joblib.load(data / "vectorizer.joblib"), joblib.load(data / "model.joblib")
    )


@pytest.fixture(scope="module")
def running(
    pipeline: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("services")
    (folder / "profanity").mkdir()
    joblib.dump(pipeline, folder / "profanity" / "model.joblib")
    (folder / "services.yaml").write_text(SERVICES)
    with serving(folder, "profanity", "legacy", files=["services.yaml"]) as running:
        yield running


@pytest.mark.parametrize("name", ["profanity", "legacy"])
def test_v1_gives_what_the_pipeline_gives(
    running: Running, pipeline: Any, name: str
) -> None:
    answer = running.post(f"/v1/models/{name}:predict", {"instances": TEXTS})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"predictions": pipeline.predict(TEXTS).tolist()}
    assert answer.json()["predictions"] == [0, 1, 0]


@pytest.mark.parametrize("module", [tritonclient.http, tritonclient.grpc])
def test_probabilities_over_binary_v2_and_grpc(
    running: Running, pipeline: Any, module: Any
) -> None:
    given = module.InferInput("input-0", [len(TEXTS)], "BYTES")
    given.set_data_from_numpy(np.array([each.encode() for each in TEXTS], object))
    wanted = [module.InferRequestedOutput("predict_proba")]
    with module.InferenceServerClient(f"127.0.0.1:{running.port}") as client:
        answer = client.infer("profanity", [given], outputs=wanted)
    np.testing.assert_allclose(
        answer.as_numpy("predict_proba"), pipeline.predict_proba(TEXTS), rtol=1e-12
    )


def test_the_metadata_is_the_models_own(running: Running) -> None:
    told = httpx.get(f"{running.url}/v2/models/profanity", timeout=30).json()
    assert told["inputs"] == [{"name": "input-0", "datatype": "BYTES", "shape": [-1]}]


def test_without_leave_the_pickle_is_refused(running: Running) -> None:
    status = running.wait("refused", "Failed")
    assert "runs whatever code it holds" in str(status)
    assert "allowPickle" in str(status)
