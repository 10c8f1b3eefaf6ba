"""`PytorchModel` answers rightly, and says what is wrong with what it refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
import torch

from inferry.errors import InferenceError, InvalidInput, ModelLoadError, ModelNotReady
from inferry.model import InferRequest, Tensor, TensorSpec
from inferry.testing import RuntimeTests
from inferry_runtime_pytorch.model import PytorchModel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from conftest import Models

ROW = np.array([[1, 2, 3]], dtype=np.float32)
DECLARED = {"threads": 1, "inputs": "x:FP32:-1x3"}
LINEAR = {
    "threads": 1,
    "modelClass": "torch.nn:Linear",
    "modelArguments": '{"in_features": 3, "out_features": 2}',
}


class TestExported(RuntimeTests):
    model = PytorchModel
    options: ClassVar[Mapping[str, Any]] = {"threads": 1}

    @pytest.fixture
    def artifact(self, models: Models) -> Path:
        return models.exported().parent


class TestScript(RuntimeTests):
    model = PytorchModel
    options: ClassVar[Mapping[str, Any]] = DECLARED

    @pytest.fixture
    def artifact(self, models: Models) -> Path:
        return models.script()


class TestWeights(RuntimeTests):
    model = PytorchModel
    options: ClassVar[Mapping[str, Any]] = LINEAR | {"inputs": "input:FP32:-1x3"}

    @pytest.fixture
    def artifact(self, models: Models) -> Path:
        return models.saved(torch.nn.Linear(3, 2).state_dict())


def loaded(path: Path, **options: Any) -> PytorchModel:
    model = PytorchModel()
    model.load(path, {"threads": 1} | options)
    return model


def tensor(name: str, data: Any, datatype: str = "FP32") -> Tensor:
    kinds = {"FP32": np.float32, "FP64": np.float64, "INT64": np.int64}
    return Tensor(name=name, datatype=datatype, data=np.asarray(data, kinds[datatype]))


def ask(model: PytorchModel, *inputs: Tensor, **more: Any) -> dict[str, Any]:
    answer = model.predict(InferRequest(inputs=inputs, **more))
    return {each.name: each.data.tolist() for each in answer.outputs}


def test_an_exported_program_declares_all(models: Models) -> None:
    model = loaded(models.exported())

    metadata = model.metadata()

    assert metadata.inputs == (TensorSpec(name="x", datatype="FP32", shape=(-1, 3)),)
    assert metadata.outputs == (
        TensorSpec(name="output-0", datatype="FP32", shape=(-1, 2)),
    )
    assert metadata.platform == "pytorch_export"
    assert model.batching is True
    assert model.memory == 4 * (6 + 2)
