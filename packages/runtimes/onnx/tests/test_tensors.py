"""V2 tensors reach onnxruntime unchanged, and come back so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from onnx import TensorProto

from inferry.errors import InferenceError, InvalidInput, ModelLoadError
from inferry.model import DATATYPES, InferRequest, Tensor
from inferry_runtime_onnx.model import OnnxModel

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Models

KINDS = {
    "BOOL": TensorProto.BOOL,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
}


def loaded(path: Path, **options: Any) -> OnnxModel:
    model = OnnxModel()
    model.load(path, options)
    return model


def ask(model: OnnxModel, datatype: str, data: Any) -> Tensor:
    tensor = Tensor(name="x", datatype=datatype, data=data)
    (answer,) = model.predict(InferRequest(inputs=(tensor,))).outputs
    return answer


@pytest.mark.parametrize("datatype", sorted(KINDS))
def test_every_datatype_passes_unchanged(models: Models, datatype: str) -> None:
    model = loaded(models.identity(KINDS[datatype]))
    data = np.array([[0, 1], [1, 0]], dtype=DATATYPES[datatype])

    answer = ask(model, datatype, data)

    assert (answer.datatype, answer.data.dtype) == (datatype, data.dtype)
    assert answer.data.tolist() == data.tolist()


def test_text_passes_as_utf8(models: Models) -> None:
    model = loaded(models.identity(TensorProto.STRING))
    data = np.array([["Grüße".encode(), b""]], dtype=object)

    answer = ask(model, "BYTES", data)

    assert answer.datatype == "BYTES"
    assert answer.data.tolist() == data.tolist()


def test_bytes_that_are_no_text_are_refused(models: Models) -> None:
    model = loaded(models.identity(TensorProto.STRING))

    with pytest.raises(InvalidInput, match="element 1 of input 'x' is not UTF-8"):
        ask(model, "BYTES", np.array([[b"ok", b"\xff"]], dtype=object))


def test_bfloat16_is_refused_at_load(models: Models) -> None:
    with pytest.raises(ModelLoadError, match="no V2 tensor can hold"):
        loaded(models.identity(TensorProto.BFLOAT16))


def test_a_scalar_keeps_its_shape(models: Models) -> None:
    answer = ask(loaded(models.identity(shape=())), "FP32", np.array(2, np.float32))

    assert answer.data.shape == ()


def test_a_list_of_maps_becomes_a_matrix_with_its_keys(models: Models) -> None:
    model = loaded(models.zipmap())

    answer = ask(model, "FP32", np.array([[0.25, 0.75], [1, 0]], np.float32))

    assert answer.data.tolist() == [[0.25, 0.75], [1, 0]]
    assert answer.parameters == {"keys": ["7", "9"]}
    (spec,) = model.metadata().outputs
    assert (spec.datatype, spec.shape) == ("FP32", (-1, -1))


def test_no_row_gives_no_map(models: Models) -> None:
    model = loaded(models.zipmap())

    answer = ask(model, "FP32", np.zeros((0, 2), np.float32))

    assert (answer.data.shape, answer.data.dtype) == ((0, 0), np.float32)


def test_a_list_of_tensors_of_one_shape_is_stacked(models: Models) -> None:
    model = loaded(models.split(sizes=[2, 2]))

    answer = ask(model, "FP32", np.arange(4, dtype=np.float32))

    assert answer.data.tolist() == [[0, 1], [2, 3]]


def test_a_list_of_tensors_of_different_shapes_is_refused(models: Models) -> None:
    model = loaded(models.split(sizes=[1, 3]))

    with pytest.raises(InferenceError, match="different shapes"):
        ask(model, "FP32", np.arange(4, dtype=np.float32))


def test_a_list_as_input_is_refused_at_load(models: Models) -> None:
    with pytest.raises(ModelLoadError, match="input 'x' is a seq"):
        loaded(models.sequence_input())
