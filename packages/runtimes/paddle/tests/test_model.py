"""`PaddleModel` answers rightly, and says what is wrong with what it refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np
import pytest

from inferry.errors import InvalidInput, ModelLoadError, ModelNotReady
from inferry.model import InferRequest, Tensor, TensorSpec
from inferry.status import Reason
from inferry.testing import RuntimeTests
from inferry_runtime_paddle.model import PaddleModel

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Models

ROW = np.array([[1, 2, 4]], dtype=np.float32)
OPTIONS = {"threads": 1, "tryFirst": False}


class TestTwo(RuntimeTests):
    model = PaddleModel
    options: ClassVar = OPTIONS

    @pytest.fixture
    def artifact(self, models: Models) -> Path:
        return models.copy("two")


class TestWords(RuntimeTests):
    model = PaddleModel
    options: ClassVar = OPTIONS

    @pytest.fixture
    def artifact(self, models: Models) -> Path:
        return models.copy("words")


def loaded(path: Path, **options: Any) -> PaddleModel:
    model = PaddleModel()
    model.load(path, {**OPTIONS, **options})
    return model


def fp32(name: str, data: Any) -> Tensor:
    return Tensor(name=name, datatype="FP32", data=np.asarray(data, np.float32))


def two(x: Any = ROW, y: Any = ((0, 0),)) -> tuple[Tensor, ...]:
    return fp32("x", x), fp32("y", y)


def test_metadata_is_the_programs(models: Models) -> None:
    metadata = loaded(models.copy("two")).metadata()

    assert metadata.platform == "paddle_inference"
    assert metadata.inputs == (
        TensorSpec(name="x", datatype="FP32", shape=(-1, 3)),
        TensorSpec(name="y", datatype="FP32", shape=(-1, 2)),
    )
    assert [(each.datatype, each.shape) for each in metadata.outputs] == [
        ("FP32", (-1, 2)),
        ("INT64", (-1,)),
    ]


def test_answers_all_outputs_with_their_types(models: Models) -> None:
    answer = loaded(models.copy("two")).predict(InferRequest(inputs=two()))

    assert [t.data.tolist() for t in answer.outputs] == [[[5, 6]], [1]]
    assert [t.datatype for t in answer.outputs] == ["FP32", "INT64"]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ((fp32("x", ROW),), "input 'y' is missing; the model takes 'x', 'y'"),
        ((fp32("z", ROW),), "unknown input 'z'; the model takes 'x', 'y'"),
        ((fp32("x", ROW[0]),), r"'x' has shape \[3\], expected \[-1, 3\]"),
        (two(x=np.zeros((0, 3))), r"'x' has shape \[0, 3\], expected at least one"),
        (
            (Tensor(name="x", datatype="FP64", data=ROW.astype("float64")),),
            "'x' is FP64, expected FP32",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    models: Models, inputs: tuple[Tensor, ...], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        loaded(models.copy("two")).predict(InferRequest(inputs=inputs))


def test_what_paddle_refuses_is_the_callers_mistake(models: Models) -> None:
    model = loaded(models.copy("two"))
    wrong = InferRequest(inputs=two(np.ones((3, 3)), np.ones((2, 2))))

    with pytest.raises(InvalidInput, match=r"refuses these inputs: .*[Bb]roadcast"):
        model.predict(wrong)
    assert model.predict(InferRequest(inputs=two())).outputs


def test_many_threads_get_their_own_answers(models: Models) -> None:
    model = loaded(models.copy("two"))

    def ask(number: int) -> float:
        rows = np.repeat(number * ROW, 1 + number % 3, axis=0)
        inputs = two(rows, np.zeros((len(rows), 2)))
        return float(model.predict(InferRequest(inputs=inputs)).outputs[0].data[-1, 0])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(60))) == [5 * n for n in range(60)]
    assert model.max_concurrency > 1


def test_rows_that_are_not_contiguous_are_right(models: Models) -> None:
    data = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))

    answer = loaded(models.copy("two")).predict(
        InferRequest(inputs=two(data, np.zeros((2, 2))))
    )

    assert answer.outputs[0].data.tolist() == [[2, 3], [8, 9]]


def test_an_index_out_of_bounds_is_the_callers_mistake(models: Models) -> None:
    model = loaded(models.copy("words"))
    ids = Tensor(name="ids", datatype="INT64", data=np.array([[1, 999_999_999]]))

    with pytest.raises(InvalidInput, match="refuses these inputs"):
        model.predict(InferRequest(inputs=(ids,)))


def test_batching_can_be_said(models: Models) -> None:
    path = models.copy("two")

    assert loaded(path).batching is True
    assert loaded(path, batching="false").batching is False
    with pytest.raises(ModelLoadError, match="use auto, true or false"):
        loaded(path, batching="perhaps")


def test_a_gpu_that_is_not_there_is_refused(models: Models) -> None:
    path = models.copy("two")

    with pytest.raises(ModelLoadError, match="finds no GPUs, not cuda; install"):
        loaded(path, device="cuda")
    with pytest.raises(ModelLoadError, match="unknown device 'xpu'; use cpu, cuda"):
        loaded(path, device="xpu")
    assert loaded(path, device="cuda,cpu").metadata().inputs


def test_operations_that_reach_files_need_the_option(models: Models) -> None:
    path = models.copy("two")
    program = path / "model.json"
    document = msgspec.json.decode(program.read_bytes())
    block = document["program"]["regions"][0]["blocks"][0]["ops"]
    block.append({"#": "1.save_combine", "A": [], "I": [], "O": []})
    program.write_bytes(msgspec.json.encode(document))

    with pytest.raises(ModelLoadError, match="save_combine; save the model") as caught:
        loaded(path)

    assert caught.value.reason == Reason.ModelUnsafe


def test_a_file_that_paddle_crashes_on_is_refused(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inferry_runtime_paddle import _trial

    path = models.copy("two")
    assert loaded(path, tryFirst=True).metadata().inputs
    monkeypatch.setattr(_trial, "_code", lambda _path: -11)

    with pytest.raises(ModelLoadError, match=r"crashes when it loads model.json"):
        loaded(path, tryFirst=True)


def test_unload_frees_the_predictor(models: Models) -> None:
    model = loaded(models.copy("two"))

    model.unload()

    with pytest.raises(ModelNotReady):
        model.predict(InferRequest(inputs=two()))
