"""`OnnxModel` answers rightly, and says what is wrong with what it refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from onnx import TensorProto

from inferry.errors import InvalidInput, ModelLoadError, ModelNotReady
from inferry.model import InferRequest, Tensor, TensorSpec
from inferry.testing import RuntimeTests
from inferry_runtime_onnx.model import OnnxModel

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Models

ROW = np.array([[1, 2, 3]], dtype=np.float32)


class TestLinear(RuntimeTests):
    model = OnnxModel

    @pytest.fixture
    def artifact(self, models: Models) -> Path:
        return models.linear().parent


class TestText(RuntimeTests):
    model = OnnxModel

    @pytest.fixture
    def artifact(self, models: Models) -> Path:
        return models.identity(TensorProto.STRING)


class TestListOfMaps(RuntimeTests):
    model = OnnxModel

    @pytest.fixture
    def artifact(self, models: Models) -> Path:
        return models.zipmap()


def loaded(path: Path, **options: Any) -> OnnxModel:
    model = OnnxModel()
    model.load(path, options)
    return model


def fp32(name: str, data: Any) -> Tensor:
    return Tensor(name=name, datatype="FP32", data=np.asarray(data, np.float32))


def test_metadata_is_the_sessions(models: Models) -> None:
    model = loaded(models.linear().parent)

    metadata = model.metadata()

    assert metadata.platform == "onnxruntime_onnx"
    assert metadata.inputs == (
        TensorSpec(name="a", datatype="FP32", shape=(-1, 3)),
        TensorSpec(name="b", datatype="FP32", shape=(-1, 3)),
    )
    assert [spec.name for spec in metadata.outputs] == ["sum", "difference"]


def test_answers_all_outputs_in_order(models: Models) -> None:
    model = loaded(models.linear())

    answer = model.predict(InferRequest(inputs=(fp32("b", ROW), fp32("a", 2 * ROW))))

    assert {t.name: t.data.tolist() for t in answer.outputs} == {
        "sum": [[3, 6, 9]],
        "difference": [[1, 2, 3]],
    }


def test_answers_only_what_was_asked_for(models: Models) -> None:
    model = loaded(models.linear())
    inputs = (fp32("a", ROW), fp32("b", ROW))

    answer = model.predict(InferRequest(inputs=inputs, outputs=("difference",)))

    assert [t.name for t in answer.outputs] == ["difference"]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ((fp32("a", ROW),), "input 'b' is missing; the model takes 'a', 'b'"),
        ((fp32("c", ROW),), "unknown input 'c'; the model takes 'a', 'b'"),
        ((fp32("a", ROW), fp32("a", ROW)), "'a' is given twice"),
        ((fp32("a", ROW[0]),), r"'a' has shape \[3\], expected \[-1, 3\]"),
        ((fp32("a", ROW[:, :2]),), r"'a' has shape \[1, 2\], expected \[-1, 3\]"),
        (
            (Tensor(name="a", datatype="FP64", data=ROW.astype("float64")),),
            "'a' is FP64, expected FP32",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    models: Models, inputs: tuple[Tensor, ...], said: str
) -> None:
    model = loaded(models.linear())

    with pytest.raises(InvalidInput, match=said):
        model.predict(InferRequest(inputs=inputs))


def test_an_unknown_output_is_named(models: Models) -> None:
    model = loaded(models.linear())
    inputs = (fp32("a", ROW), fp32("b", ROW))

    with pytest.raises(InvalidInput, match="unknown output 'total'; the model gives"):
        model.predict(InferRequest(inputs=inputs, outputs=("total",)))


def test_a_size_that_an_operator_refuses_is_the_callers_mistake(
    models: Models, capfd: pytest.CaptureFixture[str]
) -> None:
    model = loaded(models.reshape())

    with pytest.raises(InvalidInput) as caught:
        model.predict(InferRequest(inputs=(fp32("x", [1, 2, 3]),)))

    said = "the model refuses input 'x' (FP32 [3]): Reshape: The input tensor cannot"
    assert str(caught.value).startswith(said)
    assert capfd.readouterr().err == ""


def test_warm_up_finds_a_length_for_an_input_without_rows(models: Models) -> None:
    request = loaded(models.reshape()).warm_up()

    assert request is not None
    assert request.inputs[0].data.shape == (16,)


def test_many_threads_get_their_own_answers(models: Models) -> None:
    model = loaded(models.linear(), threads=1)

    def ask(number: int) -> float:
        inputs = (fp32("a", number * ROW), fp32("b", ROW))
        return float(model.predict(InferRequest(inputs=inputs)).outputs[0].data[0, 0])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(50))) == [n + 1 for n in range(50)]
    assert model.max_concurrency > 1


@pytest.mark.parametrize(
    ("shape", "out", "expected"),
    [
        (("n", 2), ("n", 2), True),
        ((None, 2), ("n", 2), True),
        ((1, 2), (1, 2), False),
        (("n", 2), ("m", 2), False),
        ((), (), False),
    ],
)
def test_batching_needs_the_same_open_axis_0(
    models: Models, shape: Any, out: Any, *, expected: bool
) -> None:
    assert loaded(models.identity(shape=shape, out=out)).batching is expected


def test_batching_can_be_said(models: Models) -> None:
    path = models.identity()

    assert loaded(path, batching="false").batching is False
    with pytest.raises(ModelLoadError, match="use auto, true or false"):
        loaded(path, batching="perhaps")


def test_warm_up_fills_fixed_axes(models: Models) -> None:
    model = loaded(models.linear())

    request = model.warm_up()

    assert request is not None
    assert [t.data.shape for t in request.inputs] == [(1, 3), (1, 3)]
    assert model.predict(request).outputs


def test_warm_up_finds_a_size_for_an_open_axis(models: Models) -> None:
    model = loaded(models.matmul(np.ones((16, 2), dtype=np.float32)))

    request = model.warm_up()

    assert request is not None
    assert request.inputs[0].data.shape == (1, 16)


def test_warm_up_gives_up_where_no_size_works(models: Models) -> None:
    assert loaded(models.matmul(np.ones((7, 2), dtype=np.float32))).warm_up() is None


def test_external_data_is_read(models: Models) -> None:
    path = models.external("weights.bin")
    (path.parent / "weights.bin").write_bytes(np.array([1, 2], np.float32).tobytes())

    answer = loaded(path).predict(InferRequest(inputs=(fp32("x", [[0, 0]]),)))

    assert answer.outputs[0].data.tolist() == [[1, 2]]


def test_unload_frees_the_session(models: Models) -> None:
    model = loaded(models.linear())

    model.unload()

    with pytest.raises(ModelNotReady):
        model.predict(InferRequest(inputs=()))
