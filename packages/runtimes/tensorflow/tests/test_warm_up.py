"""The requests that a SavedModel brings are asked before it is ready."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest
import tensorflow as tf

from inferry.errors import InvalidInput, ModelLoadError
from inferry_runtime_tensorflow import _warm_up
from inferry_runtime_tensorflow.model import TensorflowModel

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Models


def field(number: int, data: bytes) -> bytes:
    """Return a field of less than 128 bytes, or of two bytes' length."""
    size = len(data)
    length = bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
    return bytes([number << 3 | 2]) + length + data


def record(name: str, tensors: dict[str, Any]) -> bytes:
    """Return a PredictionLog as TensorFlow Serving's Python API writes it."""
    inputs = b"".join(
        field(
            2,
            field(1, key.encode())
            + field(2, tf.make_tensor_proto(value).SerializeToString()),
        )
        for key, value in tensors.items()
    )
    request = field(1, field(3, name.encode()) if name else b"") + inputs
    return field(6, field(1, request))


def write(path: Path, *records: bytes) -> None:
    file = path / _warm_up.FILE
    file.parent.mkdir()
    with tf.io.TFRecordWriter(str(file)) as writer:
        for each in records:
            writer.write(each)


def loaded(path: Path) -> TensorflowModel:
    model = TensorflowModel()
    model.load(path, {"threads": 1})
    return model


def test_recorded_requests_are_asked(models: Models) -> None:
    path = models.copy("linear")
    rows = [[1.0, 2, 3]]
    write(path, record("", {"a": rows, "b": rows}), record("twice", {"x": rows * 2}))
    model = loaded(path)

    request = model.warm_up()

    assert request is not None
    assert sorted(each.name for each in request.inputs) == ["a", "b"]
    assert model.predict(request).outputs[1].data.tolist() == [[4, 8, 12]]


def test_text_is_read(models: Models) -> None:
    path = models.copy("text")
    write(path, record("", {"animal": ["cat", "dog"]}))

    request = loaded(path).warm_up()

    assert request is not None
    assert request.inputs[0].data.tolist() == [b"cat", b"dog"]


def test_what_the_model_does_not_answer_fails(models: Models) -> None:
    path = models.copy("linear")
    rows = [[1.0, 2, 3]]
    write(path, record("", {"a": rows, "b": rows}), record("no", {"x": rows}))

    with pytest.raises(InvalidInput, match="unknown signature_name 'no'"):
        loaded(path).warm_up()


@pytest.mark.parametrize(
    "data", [b"nonsense", struct.pack("<Q", 2**40) + b"x" * 8, b"\0" * 11]
)
def test_a_broken_file_is_named(models: Models, data: bytes) -> None:
    path = models.copy("linear")
    (path / _warm_up.FILE).parent.mkdir()
    (path / _warm_up.FILE).write_bytes(data)

    with pytest.raises(ModelLoadError, match="tf_serving_warmup_requests cannot be"):
        loaded(path)
