"""`RuntimeTests` passes a good model and names what is wrong with a bad one."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from inferry.errors import InvalidInput, ModelLoadError
from inferry.model import (
    InferRequest,
    InferResponse,
    ModelMetadata,
    Tensor,
    TensorSpec,
)
from inferry.testing import RuntimeTests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class Linear:
    """y = x w, and the row sums; as small as a complete model can be."""

    batching = True
    max_concurrency = 4

    def __init__(self) -> None:
        self._weights: Any = None

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        file = path / "weights.npy" if path.is_dir() else path
        if not file.is_file():
            raise ModelLoadError(f"no weights.npy in {path}")
        try:
            self._weights = np.load(file, allow_pickle=False)
        except (OSError, ValueError) as exc:
            raise ModelLoadError(f"{file.name} is no numpy file: {exc}") from exc

    def metadata(self) -> ModelMetadata:
        rows, columns = self._weights.shape
        return ModelMetadata(
            inputs=(TensorSpec(name="x", datatype="FP32", shape=(-1, rows)),),
            outputs=(
                TensorSpec(name="y", datatype="FP32", shape=(-1, columns)),
                TensorSpec(name="sum", datatype="FP32", shape=(-1,)),
            ),
        )

    def predict(self, request: InferRequest) -> InferResponse:
        (spec,) = self.metadata().inputs
        data = self.checked(request, spec)
        y = data @ self._weights
        given = {"y": y, "sum": y.sum(axis=1)}
        wanted = request.outputs or tuple(given)
        for name in wanted:
            if name not in given:
                raise InvalidInput(f"unknown output {name!r}; there are y and sum")
        return InferResponse(
            outputs=tuple(
                Tensor(name=name, datatype="FP32", data=given[name]) for name in wanted
            )
        )

    def checked(self, request: InferRequest, spec: TensorSpec) -> Any:
        tensor = request.inputs[0]
        if tensor.name != "x":
            raise InvalidInput(f"unknown input {tensor.name!r}; expected 'x'")
        if tensor.datatype != "FP32":
            raise InvalidInput(f"input 'x' is {tensor.datatype}, expected FP32")
        if tensor.data.ndim != 2 or tensor.data.shape[1] != spec.shape[1]:
            raise InvalidInput(f"input 'x' has shape {tensor.data.shape}")
        return tensor.data

    def unload(self) -> None:
        self._weights = None


class AsyncLinear(Linear):
    async def predict(self, request: InferRequest) -> InferResponse:  # type: ignore[override]
        return Linear.predict(self, request)


def write(folder: Path) -> Path:
    np.save(folder / "weights.npy", np.array([[1.0, 2.0], [3.0, 4.0]], "float32"))
    return folder


class TestGood(RuntimeTests):
    model = Linear

    @pytest.fixture
    def artifact(self, tmp_path: Path) -> Path:
        return write(tmp_path)


class TestGoodAsync(RuntimeTests):
    model = AsyncLinear

    @pytest.fixture
    def artifact(self, tmp_path: Path) -> Path:
        return write(tmp_path)


def run(model: type[Linear], test: str, tmp_path: Path) -> None:
    """Run one test of the kit against *model*, without pytest's fixtures."""
    kit = type("Kit", (RuntimeTests,), {"model": model})()
    folder = tmp_path / "model"
    folder.mkdir()
    artifact = write(folder)
    loaded = model()
    loaded.load(artifact, {})
    given = {
        "artifact": artifact,
        "loaded": loaded,
        "request_good": kit.request_example(loaded),
        "signature": loaded.metadata(),
        "tmp_path": tmp_path,
    }
    method: Callable[..., None] = getattr(kit, test)
    method(**{name: given[name] for name in inspect.signature(method).parameters})


class Leaks(Linear):
    loads = 0

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        Leaks.loads += 1
        if Leaks.loads % 3 == 0:
            raise ModelLoadError("the port is still taken")
        super().load(path, options)


class WrongDtype(Linear):
    def predict(self, request: InferRequest) -> InferResponse:
        (y, total) = super().predict(request).outputs
        wrong = Tensor(name="y", datatype="FP32", data=y.data.astype("float64"))
        return InferResponse(outputs=(wrong, total))


class Transposed(Linear):
    def predict(self, request: InferRequest) -> InferResponse:
        (y, total) = super().predict(request).outputs
        wrong = Tensor(name="y", datatype="FP32", data=y.data.T)
        return InferResponse(outputs=(wrong, total))


class OtherShape(Linear):
    def predict(self, request: InferRequest) -> InferResponse:
        (y, total) = super().predict(request).outputs
        wrong = Tensor(name="y", datatype="FP32", data=y.data[:, :1].copy())
        return InferResponse(outputs=(wrong, total))


class GivesAll(Linear):
    def predict(self, request: InferRequest) -> InferResponse:
        return super().predict(InferRequest(inputs=request.inputs))


class ChecksNothing(Linear):
    def checked(self, request: InferRequest, spec: TensorSpec) -> Any:
        return np.zeros((1, 2), "float32")


class SaysLittle(Linear):
    def checked(self, request: InferRequest, spec: TensorSpec) -> Any:
        try:
            return super().checked(request, spec)
        except InvalidInput:
            raise InvalidInput("bad input") from None


class FrameworkErrors(Linear):
    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        self._weights = np.load(path / "weights.npy", allow_pickle=False)


class SaysNoName(Linear):
    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        if not list(path.glob("*.npy")):
            raise ModelLoadError(f"nothing to load in {path}")
        super().load(path, options)


class LoadsGarbage(Linear):
    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        self._weights = np.eye(2, dtype="float32")


class Racy(Linear):
    calls = 0

    def predict(self, request: InferRequest) -> InferResponse:
        self.calls += 1
        (y, total) = super().predict(request).outputs
        mixed = Tensor(name="y", datatype="FP32", data=y.data + np.float32(self.calls))
        return InferResponse(outputs=(mixed, total))


class MixesRows(Linear):
    def predict(self, request: InferRequest) -> InferResponse:
        (y, total) = super().predict(request).outputs
        mean = np.broadcast_to(y.data.mean(axis=0), y.data.shape).copy()
        mixed = Tensor(name="y", datatype="FP32", data=mean)
        return InferResponse(outputs=(mixed, total))


@pytest.mark.parametrize(
    ("model", "test", "said"),
    [
        (WrongDtype, "test_answers_are_well_formed", "output 'y' says FP32"),
        (OtherShape, "test_answers_as_its_metadata_says", "output 'y' has shape"),
        (GivesAll, "test_gives_only_the_outputs_asked_for", "sum"),
        (MixesRows, "test_rows_of_a_batch_are_independent", "y"),
        (Racy, "test_answers_the_same_at_the_same_time", "y"),
        (SaysLittle, "test_refuses_an_input_of_another_name", "bad input"),
        (SaysLittle, "test_refuses_an_input_of_another_shape", "bad input"),
        (SaysLittle, "test_refuses_an_input_of_another_type", "bad input"),
        (SaysNoName, "test_says_what_it_looked_for_in_an_empty_folder", "no file name"),
    ],
)
def test_a_bad_model_fails(
    model: type[Linear], test: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=said):
        run(model, test, tmp_path)


@pytest.mark.parametrize(
    ("model", "test"),
    [
        (GivesAll, "test_refuses_an_output_it_does_not_have"),
        (ChecksNothing, "test_refuses_an_input_of_another_name"),
        (ChecksNothing, "test_refuses_an_input_of_another_shape"),
        (ChecksNothing, "test_refuses_an_input_of_another_type"),
        (LoadsGarbage, "test_refuses_a_corrupt_artifact"),
        (LoadsGarbage, "test_says_what_it_looked_for_in_an_empty_folder"),
    ],
)
def test_a_model_that_refuses_nothing_fails(
    model: type[Linear], test: str, tmp_path: Path
) -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        run(model, test, tmp_path)


def test_an_error_of_the_framework_is_no_refusal(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run(
            FrameworkErrors, "test_says_what_it_looked_for_in_an_empty_folder", tmp_path
        )


def test_a_model_that_cannot_come_back_fails(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="still taken"):
        run(Leaks, "test_loads_predicts_and_unloads_twice", tmp_path)


def test_a_transposed_answer_fails(tmp_path: Path) -> None:
    class Tall(Transposed):
        def warm_up(self) -> InferRequest:
            data = np.ones((3, 2), "float32")
            return InferRequest(inputs=(Tensor(name="x", datatype="FP32", data=data),))

    with pytest.raises(AssertionError, match="output 'y'"):
        run(Tall, "test_answers_are_well_formed", tmp_path)


def test_what_a_model_does_not_claim_is_skipped(tmp_path: Path) -> None:
    class Silent(Linear):
        batching = False
        max_concurrency = 1

    for test in (
        "test_rows_of_a_batch_are_independent",
        "test_answers_the_same_at_the_same_time",
    ):
        (tmp_path / test).mkdir()
        with pytest.raises(pytest.skip.Exception):
            run(Silent, test, tmp_path / test)


def test_a_class_that_is_no_model_fails(tmp_path: Path) -> None:
    kit = type("Kit", (RuntimeTests,), {"model": dict})()
    with pytest.raises(AssertionError):
        kit.test_is_a_model()
