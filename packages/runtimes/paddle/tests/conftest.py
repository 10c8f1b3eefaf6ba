"""Tiny models of Paddle, written once and copied for each test."""

from __future__ import annotations

import logging
import os
import shutil
import warnings
from typing import TYPE_CHECKING, Any

import pytest

os.environ["GLOG_minloglevel"] = "3"  # noqa: SIM112 - so glog reads it
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import paddle

if TYPE_CHECKING:
    from pathlib import Path

# What Paddle sets up for logging is not what tests have.
logging.getLogger().handlers.clear()


class Two(paddle.nn.Layer):  # type: ignore[misc]
    """Two inputs and two outputs of two types."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = paddle.nn.Linear(3, 2)
        self.linear.weight.set_value(paddle.to_tensor([[1.0, 0], [0, 1], [1, 1]]))

    def forward(self, x: Any, y: Any) -> Any:
        found = self.linear(x) + y
        return found, found.argmax(-1)


class Words(paddle.nn.Layer):  # type: ignore[misc]
    """Whole numbers in, an inner axis of any size, weights that are looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = paddle.nn.Embedding(10, 2)

    def forward(self, ids: Any) -> Any:
        return self.weights(ids).sum(1)


class Models:
    """Copies of the models, each in a folder of its own."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.source = source
        self.folder = folder

    def copy(self, name: str) -> Path:
        """Return a new copy of the model *name*."""
        made = shutil.copytree(self.source / name, self.folder / name)
        return self.folder / made.name


def save(layer: Any, path: Path, *specs: Any) -> None:
    layer.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        paddle.jit.save(layer, str(path / "model"), input_spec=list(specs))


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    spec = paddle.static.InputSpec
    save(
        Two(),
        folder / "two",
        spec([None, 3], "float32", "x"),
        spec([None, 2], "float32", "y"),
    )
    save(Words(), folder / "words", spec([None, None], "int64", "ids"))
    return folder


@pytest.fixture
def models(source: Path, tmp_path: Path) -> Models:
    return Models(source, tmp_path / "copies")
