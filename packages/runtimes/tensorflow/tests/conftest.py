"""Tiny models of TensorFlow, written once and copied for each test."""

from __future__ import annotations

import os
import shutil
import warnings
from typing import TYPE_CHECKING, Any

import pytest

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

FLOATS = tf.TensorSpec([None, 3], tf.float32)


class Linear(tf.Module):
    """Two inputs, two outputs, and a second signature."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = tf.Variable(2.0)

    @tf.function(input_signature=[FLOATS, FLOATS])
    def both(self, a: Any, b: Any) -> Any:
        return {"sum": (a + b) * self.scale, "first": tf.cast(a[:, 0], tf.int64)}

    @tf.function(input_signature=[FLOATS])
    def twice(self, x: Any) -> Any:
        return {"y": x * self.scale}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)])
    def total(self, x: Any) -> Any:
        return {"total": tf.reduce_sum(x)}


class Text(tf.Module):
    """Text in and out, through a table that is made at load."""

    def __init__(self) -> None:
        super().__init__()
        keys = tf.constant(["cat", "dog"])
        made = tf.lookup.KeyValueTensorInitializer(keys, tf.constant(["meow", "woof"]))
        self.table = tf.lookup.StaticHashTable(made, "")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def say(self, animal: Any) -> Any:
        return {"said": self.table.lookup(animal)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def same(self, raw: Any) -> Any:
        return {"raw_bytes": raw}


class Inner(tf.Module):
    """An inner open axis that only some sizes fit."""

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)])
    def rows(self, x: Any) -> Any:
        return {"y": tf.matmul(x, tf.ones([16, 2]))}


class Models:
    """Copies of the models, each in a folder of its own."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.source = source
        self.folder = folder

    def copy(self, name: str) -> Path:
        """Return a new copy of the model *name*."""
        made = shutil.copytree(self.source / name, self.folder / name)
        return self.folder / made.name

    def save(self, name: str, function: Callable[..., Any], *specs: Any) -> Path:
        """Save *function* of inputs like *specs* as a SavedModel."""
        module = tf.Module()
        module.call = tf.function(function, input_signature=list(specs))
        path = self.folder / name
        save(module, path, {"serving_default": module.call})
        return path


def save(module: Any, path: Path, signatures: Mapping[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tf.get_logger().setLevel("ERROR")
        tf.saved_model.save(module, str(path), signatures=dict(signatures))


def tflite(saved: Path, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converter = tf.lite.TFLiteConverter.from_saved_model(
            str(saved), signature_keys=["serving_default"]
        )
        made = converter.convert()
    path.parent.mkdir()
    path.write_bytes(made)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    linear, text, inner = Linear(), Text(), Inner()
    save(
        linear,
        folder / "linear",
        {
            "serving_default": linear.both,
            "twice": linear.twice,
            "total": linear.total,
        },
    )
    save(text, folder / "text", {"serving_default": text.say, "same": text.same})
    save(inner, folder / "inner", {"rows": inner.rows})
    save(linear, folder / "twice", {"serving_default": linear.twice})
    tflite(folder / "twice", folder / "lite" / "model.tflite")
    return folder


@pytest.fixture
def models(source: Path, tmp_path: Path) -> Models:
    return Models(source, tmp_path / "copies")
