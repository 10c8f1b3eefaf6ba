"""A real SavedModel, served as its example says and asked in every protocol."""

from __future__ import annotations

import base64
import os
import warnings
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from runtimes.serving import copy_example, serving

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from running import Running

TEXTS = [
    "import os\n\ndef names(path):\n    return [each for each in os.listdir(path)]\n",
    '#include <stdio.h>\n\nint main(void) {\n    printf("%d", 1);\n    return 0;\n}\n',
    "SELECT name, COUNT(*) FROM users WHERE age > 3 GROUP BY name ORDER BY name;\n",
]
LANGUAGES = ["py", "c", "sql"]
#: KServe's older way to write the same; the folder is a TFLite model.
LEGACY = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: lite
spec:
  predictor:
    tensorflow:
      storageUri: ./lite
      args: ["--threads=1"]
"""


def lite(folder: Path) -> None:
    """Write a TFLite model that triples numbers."""
    module = tf.Module()
    module.call = tf.function(
        lambda x: {"y": 3 * x}, input_signature=[tf.TensorSpec([None, 2], tf.float32)]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = tf.lite.TFLiteConverter.from_concrete_functions(
            [module.call.get_concrete_function()], module
        ).convert()
    folder.mkdir()
    (folder / "model.tflite").write_bytes(made)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the example with the model that its script makes."""
    folder = copy_example(
        "tensorflow",
        tmp_path_factory.mktemp("example"),
        makes="guesslang",
        legacy=LEGACY,
    )
    lite(folder / "lite")
    return folder


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Running]:
    with serving(folder, "guesslang", "lite") as running:
        yield running


@pytest.fixture(scope="module")
def expected(folder: Path) -> np.ndarray[Any, Any]:
    """Return the scores as TensorFlow itself gives them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = tf.saved_model.load(str(folder / "guesslang" / "1"))
    answer = model.signatures["serving_default"](inputs=tf.constant(TEXTS))
    scores: np.ndarray[Any, Any] = answer["scores"].numpy()
    return scores


def test_v1_rows_name_the_languages(
    running: Running, expected: np.ndarray[Any, Any]
) -> None:
    answer = running.post("/v1/models/guesslang:predict", {"instances": TEXTS})

    rows = answer.json()["predictions"]
    np.testing.assert_allclose([row["scores"] for row in rows], expected, atol=1e-6)
    found = [row["classes"][int(np.argmax(row["scores"]))] for row in rows]
    assert found == LANGUAGES


def test_v1_columns_and_another_signature(running: Running) -> None:
    body = {
        "signature_name": "predict",
        "inputs": {"content": [{"b64": base64.b64encode(TEXTS[0].encode()).decode()}]},
    }

    answer = running.post("/v1/models/guesslang:predict", body).json()

    assert answer["outputs"]["classes"] == [["py"]]
    assert sorted(answer["outputs"]) == [
        "all_class_ids",
        "all_classes",
        "class_ids",
        "classes",
        "logits",
        "probabilities",
    ]


def test_v2_gives_the_outputs_asked_for(
    running: Running, expected: np.ndarray[Any, Any]
) -> None:
    given = {"name": "inputs", "datatype": "BYTES", "shape": [3], "data": TEXTS}
    body = {"inputs": [given], "outputs": [{"name": "scores"}]}

    answer = running.post("/v2/models/guesslang/infer", body).json()

    (output,) = answer["outputs"]
    assert (output["name"], output["shape"]) == ("scores", [3, 54])
    scores = np.array(output["data"]).reshape(3, 54)
    np.testing.assert_allclose(scores, expected, atol=1e-6)


@pytest.mark.parametrize("module", [tritonclient.http, tritonclient.grpc])
def test_binary_v2_and_grpc_give_the_scores(
    running: Running, expected: np.ndarray[Any, Any], module: Any
) -> None:
    given = module.InferInput("inputs", [len(TEXTS)], "BYTES")
    given.set_data_from_numpy(np.array([each.encode() for each in TEXTS], object))
    with module.InferenceServerClient(f"127.0.0.1:{running.port}") as client:
        scores = client.infer("guesslang", [given]).as_numpy("scores")

    np.testing.assert_allclose(scores, expected, atol=1e-6)


def test_tells_its_signature(running: Running) -> None:
    answer = httpx.get(f"{running.url}/v2/models/guesslang").json()

    assert answer["platform"] == "tensorflow_savedmodel"
    assert answer["inputs"] == [{"name": "inputs", "datatype": "BYTES", "shape": [-1]}]


def test_kserves_older_key_serves_tflite(running: Running) -> None:
    answer = running.post("/v1/models/lite:predict", {"instances": [[1, 2], [3, 4]]})

    assert answer.json() == {"predictions": [[3, 6], [9, 12]]}


def test_refuses_what_does_not_fit(running: Running) -> None:
    for body, said in (
        ({"instances": [1]}, "input 'inputs' has an integer, expected BYTES"),
        ({"instances": ["a"], "signature_name": "no"}, "unknown signature_name 'no'"),
        ({"instances": [{"nonsense": "a"}]}, "unknown input 'nonsense'"),
    ):
        answer = running.post("/v1/models/guesslang:predict", body)
        assert answer.status_code == 400, answer.text
        assert said in answer.json()["error"]
