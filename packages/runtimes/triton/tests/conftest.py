"""Repositories of models, and settings that touch nothing of the user's."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


DOUBLE = """
import numpy as np
import triton_python_backend_utils as pb


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        x = pb.get_input_tensor_by_name(request, "x").as_numpy()
        if np.isnan(x).any():
            raise ValueError("a number is missing")
        if (x < 0).any():
            return pb.InferenceResponse(error=pb.TritonError("x is negative"))
        return pb.InferenceResponse(
            [pb.Tensor("y", (x * 2).astype(np.float32)), pb.Tensor("z", x)]
        )
"""
DOUBLE_CONFIG = """
backend: "python"
max_batch_size: 32
input [{ name: "x" data_type: TYPE_FP32 dims: [3] }]
output [
  { name: "y" data_type: TYPE_FP32 dims: [3] },
  { name: "z" data_type: TYPE_FP32 dims: [3] }
]
"""
WORDS = """
import numpy as np
import triton_python_backend_utils as pb


class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            text = pb.get_input_tensor_by_name(request, "text").as_numpy()[0]
            for word in text.split():
                sender.send(
                    pb.InferenceResponse(
                        [pb.Tensor("word", np.array([word], dtype=object))]
                    )
                )
            sender.send(flags=pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
"""
WORDS_CONFIG = """
backend: "python"
model_transaction_policy { decoupled: True }
input [{ name: "text" data_type: TYPE_STRING dims: [1] }]
output [{ name: "word" data_type: TYPE_STRING dims: [1] }]
"""
COUNT = """
import numpy as np
import triton_python_backend_utils as pb


class TritonPythonModel:
    def initialize(self, args):
        self.sums = {}

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        x = pb.get_input_tensor_by_name(request, "x").as_numpy()
        start = pb.get_input_tensor_by_name(request, "START").as_numpy()
        key = request.correlation_id()
        before = 0 if start.any() else self.sums.get(key, 0)
        self.sums[key] = before + int(x.sum())
        total = np.array([[self.sums[key]]], np.int32)
        return pb.InferenceResponse([pb.Tensor("total", total)])
"""
COUNT_CONFIG = """
backend: "python"
max_batch_size: 1
input [{ name: "x" data_type: TYPE_INT32 dims: [1] }]
output [{ name: "total" data_type: TYPE_INT32 dims: [1] }]
sequence_batching {
  max_sequence_idle_microseconds: 60000000
  control_input [{
    name: "START"
    control [{ kind: CONTROL_SEQUENCE_START int32_false_true: [0, 1] }]
  }]
}
instance_group [{ count: 1 kind: KIND_CPU }]
"""
TWICE_CONFIG = """
platform: "ensemble"
max_batch_size: 32
input [{ name: "in" data_type: TYPE_FP32 dims: [3] }]
output [{ name: "out" data_type: TYPE_FP32 dims: [3] }]
ensemble_scheduling { step [
  { model_name: "double" model_version: -1
    input_map { key: "x" value: "in" } output_map { key: "y" value: "once" } },
  { model_name: "double" model_version: -1
    input_map { key: "x" value: "once" } output_map { key: "y" value: "out" } }
] }
"""
#: name -> (configuration, model.py)
MODELS: Mapping[str, tuple[str, str]] = {
    "double": (DOUBLE_CONFIG, DOUBLE),
    "words": (WORDS_CONFIG, WORDS),
    "count": (COUNT_CONFIG, COUNT),
    "twice": (TWICE_CONFIG, ""),
}


def write_model(
    folder: Path, name: str, config: str | None = None, code: str | None = None
) -> Path:
    """Write the model *name*, of `MODELS` or as given, into the repository *folder*."""
    known = MODELS.get(name, ("", ""))
    config = known[0] if config is None else config
    code = known[1] if code is None else code
    version = folder / name / "1"
    version.mkdir(parents=True)
    if config:
        (folder / name / "config.pbtxt").write_text(textwrap.dedent(config))
    if code:
        (version / "model.py").write_text(textwrap.dedent(code))
    return folder / name


@pytest.fixture(scope="session")
def write() -> Callable[..., Path]:
    """Return the function that writes one model into a repository."""
    return write_model


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that what is installed goes to, once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def settings(
    cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Trust what tests write, and touch nothing of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv(
        "INFERRY_PLUGINS__TRITON__TRUST", str(tmp_path_factory.getbasetemp())
    )
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def repository(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the models of these names."""

    def write(*names: str) -> Path:
        folder = tmp_path / "repository"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in names:
            write_model(folder, name)
        return folder

    return write
