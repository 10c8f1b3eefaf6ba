"""The compliance kit, and what only this runtime promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from inferry.errors import ModelLoadError
from inferry.model import InferRequest, Tensor
from inferry.testing import PluginTests, RuntimeTests
from inferry.testing.protocol import ProtocolTests

from {{ module }}.model import {{ class }}Model

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = np.array([[1.0, 2.0], [3.0, 4.0]])
BIAS = np.array([0.5, -0.5])


class TestPlugin(PluginTests):
    plugin = "{{ name }}"


class TestModel(RuntimeTests):
    model = {{ class }}Model

    @pytest.fixture
    def artifact(self, tmp_path: Path) -> Path:
        file = tmp_path / "model.npz"
        np.savez(file, weights=WEIGHTS, bias=BIAS)
        return file


class TestProtocol(ProtocolTests):
    runtime = "{{ name }}"

    @pytest.fixture
    def artifact(self, file: Path) -> Path:
        return file


def answer(file: Path, **options: bool) -> np.ndarray:
    model = {{ class }}Model()
    model.load(file, options)
    data = np.array([[1.0, 1.0]])
    tensor = Tensor(name="input", datatype="FP64", data=data)
    return model.predict(InferRequest(inputs=(tensor,))).outputs[0].data


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.npz"
    np.savez(path, weights=WEIGHTS, bias=BIAS)
    return path


def test_it_multiplies_and_adds(file: Path) -> None:
    assert answer(file).tolist() == [[4.5, 5.5]]


def test_softmax_gives_probabilities(file: Path) -> None:
    given = answer(file, softmax=True)
    assert given.sum() == pytest.approx(1)
    assert given[0, 1] / given[0, 0] == pytest.approx(np.e)


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    np.savez(path, weights=np.array([{}], dtype=object), bias=BIAS)
    with pytest.raises(ModelLoadError, match="no .npz file of plain arrays"):
        answer(path)


def test_arrays_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    np.savez(path, weights=WEIGHTS, bias=np.zeros(3))
    with pytest.raises(ModelLoadError, match=r"bias \(3,\)"):
        answer(path)
