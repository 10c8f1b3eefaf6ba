"""`TensorflowModel` answers rightly, and says what is wrong with what it refuses."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from inferry.errors import InvalidInput, ModelLoadError, ModelNotReady
from inferry.model import InferRequest, Tensor, TensorSpec
from inferry.status import Reason
from inferry.testing import RuntimeTests
from inferry_runtime_tensorflow.model import TensorflowModel

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Models

ROW = np.array([[1, 2, 3]], dtype=np.float32)


class TestLinear(RuntimeTests):
    model = TensorflowModel
    options: ClassVar = {"threads": 1}

    @pytest.fixture
    def artifact(self, models: Models) -> Path:
        return models.copy("linear")


class TestText(RuntimeTests):
    model = TensorflowModel
    options: ClassVar = {"threads": 1}

    @pytest.fixture
    def artifact(self, models: Models) -> Path:
        return models.copy("text")


class TestTflite(RuntimeTests):
    model = TensorflowModel
    options: ClassVar = {"threads": 1}

    @pytest.fixture
    def artifact(self, models: Models) -> Path:
        return models.copy("lite")


def loaded(path: Path, **options: Any) -> TensorflowModel:
    model = TensorflowModel()
    model.load(path, {"threads": 1, **options})
    return model


def fp32(name: str, data: Any) -> Tensor:
    return Tensor(name=name, datatype="FP32", data=np.asarray(data, np.float32))


def both(data: Any = ROW) -> tuple[Tensor, ...]:
    return fp32("a", data), fp32("b", data)


def test_metadata_is_that_of_the_signature(models: Models) -> None:
    metadata = loaded(models.copy("linear")).metadata()

    assert metadata.platform == "tensorflow_savedmodel"
    assert metadata.inputs == (
        TensorSpec(name="a", datatype="FP32", shape=(-1, 3)),
        TensorSpec(name="b", datatype="FP32", shape=(-1, 3)),
    )
    assert metadata.outputs == (
        TensorSpec(name="first", datatype="INT64", shape=(-1,)),
        TensorSpec(name="sum", datatype="FP32", shape=(-1, 3)),
    )


def test_answers_all_outputs_in_order(models: Models) -> None:
    answer = loaded(models.copy("linear")).predict(InferRequest(inputs=both()))

    assert {t.name: t.data.tolist() for t in answer.outputs} == {
        "first": [1],
        "sum": [[4, 8, 12]],
    }


def test_a_request_names_another_signature(models: Models) -> None:
    model = loaded(models.copy("linear"))
    parameters = {"signature_name": "twice"}

    answer = model.predict(
        InferRequest(inputs=(fp32("x", ROW),), parameters=parameters)
    )

    assert answer.outputs[0].data.tolist() == [[2, 4, 6]]
    with pytest.raises(InvalidInput, match="unknown signature_name 'no'; the model"):
        model.predict(InferRequest(inputs=both(), parameters={"signature_name": "no"}))


def test_the_default_signature_can_be_said(models: Models) -> None:
    path = models.copy("linear")

    assert loaded(path, signature="twice").metadata().inputs[0].name == "x"
    with pytest.raises(ModelLoadError, match="no signature 'thrice'; it has serving_"):
        loaded(path, signature="thrice")


def test_the_only_signature_is_the_default(models: Models) -> None:
    assert loaded(models.copy("inner")).metadata().inputs[0].name == "x"


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ((fp32("a", ROW),), "input 'b' is missing; the model takes 'a', 'b'"),
        ((fp32("c", ROW),), "unknown input 'c'; the model takes 'a', 'b'"),
        ((fp32("a", ROW), fp32("a", ROW)), "'a' is given twice"),
        ((fp32("a", ROW[0]),), r"'a' has shape \[3\], expected \[-1, 3\]"),
        (
            (Tensor(name="a", datatype="FP64", data=ROW.astype("float64")),),
            "'a' is FP64, expected FP32",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    models: Models, inputs: tuple[Tensor, ...], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        loaded(models.copy("linear")).predict(InferRequest(inputs=inputs))


def test_what_the_graph_refuses_is_the_callers_mistake(models: Models) -> None:
    model = loaded(models.copy("linear"))
    inputs = (fp32("a", np.ones((2, 3))), fp32("b", np.ones((5, 3))))

    said = r"refuses these inputs: .* 'a' \(FP32 \[2, 3\]\), 'b' \(FP32 \[5, 3\]\)"
    with pytest.raises(InvalidInput, match=said):
        model.predict(InferRequest(inputs=inputs))


def test_batching_needs_rows_everywhere(models: Models) -> None:
    path = models.copy("linear")

    assert loaded(path).batching is True
    assert loaded(path, signature="total").batching is False
    assert loaded(path, batching="false").batching is False
    with pytest.raises(ModelLoadError, match="use auto, true or false"):
        loaded(path, batching="perhaps")


def test_warm_up_finds_a_size_for_an_open_axis(models: Models) -> None:
    request = loaded(models.copy("inner")).warm_up()

    assert request is not None
    assert request.inputs[0].data.shape == (1, 16)


def test_many_threads_get_their_own_answers(models: Models) -> None:
    for name, output in (("linear", 1), ("lite", 0)):
        model = loaded(models.copy(name))
        names = [each.name for each in model.metadata().inputs]

        def ask(
            number: int,
            model: TensorflowModel = model,
            names: list[str] = names,
            output: int = output,
        ) -> float:
            inputs = tuple(fp32(each, number * ROW) for each in names)
            answer = model.predict(InferRequest(inputs=inputs)).outputs[output]
            return float(answer.data[0, 0]) / len(names)

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(ask, range(50))) == [2 * n for n in range(50)]
        assert model.max_concurrency > 1


def test_a_gpu_that_is_not_there_is_refused(models: Models) -> None:
    path = models.copy("linear")

    with pytest.raises(ModelLoadError, match="finds no GPUs, not cuda:1; install"):
        loaded(path, device="cuda:1")
    with pytest.raises(ModelLoadError, match="unknown device 'tpu'; use cpu, cuda"):
        loaded(path, device="tpu")
    assert loaded(path, device="cuda,cpu").metadata().inputs


def test_operations_that_write_files_need_the_option(models: Models) -> None:
    import tensorflow as tf

    def write(x: Any) -> Any:
        with tf.control_dependencies([tf.io.write_file(str(target), "written")]):
            return {"y": tf.identity(x)}

    target = models.folder / "target"
    path = models.save("writer", write, tf.TensorSpec([None], tf.float32))

    with pytest.raises(ModelLoadError, match="WriteFile; save the model") as caught:
        loaded(path)
    assert caught.value.reason == Reason.ModelUnsafe
    assert not target.exists()
    model = loaded(path, allowUnsafeOps=True)
    assert model.predict(InferRequest(inputs=(fp32("x", [1]),))).outputs
    assert target.read_text() == "written"


def test_tflite_needs_no_tensorflow(models: Models) -> None:
    path = models.copy("lite")
    program = (
        "import sys, pathlib\n"
        "from inferry_runtime_tensorflow.model import TensorflowModel\n"
        "model = TensorflowModel()\n"
        f"model.load(pathlib.Path({str(path)!r}), {{'threads': 1}})\n"
        "print(model.predict(model.warm_up()).outputs[0].data.shape)\n"
        "assert 'tensorflow' not in sys.modules\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "(1, 3)\n"), done.stderr


def test_unload_frees_the_session(models: Models) -> None:
    model = loaded(models.copy("linear"))

    model.unload()

    with pytest.raises(ModelNotReady):
        model.predict(InferRequest(inputs=both()))
