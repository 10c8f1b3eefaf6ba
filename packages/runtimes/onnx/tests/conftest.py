"""Tiny ONNX models, made on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

OPSET = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]


def build(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    **graph: Any,
) -> Path:
    """Write a model of *nodes* to *path*."""
    made = helper.make_graph(nodes, "g", inputs, outputs, **graph)
    model = helper.make_model(made, opset_imports=OPSET, ir_version=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path


def value(name: str, kind: int, shape: Sequence[int | str | None]) -> Any:
    """Declare one input or output."""
    return helper.make_tensor_value_info(name, kind, shape)


def write_identity(
    path: Path, kind: int, shape: Sequence[int | str | None] = ("n", 2)
) -> Path:
    """Write a model that gives ``y`` equal to its input ``x``."""
    return build(
        path,
        [helper.make_node("Identity", ["x"], ["y"])],
        [value("x", kind, shape)],
        [value("y", kind, shape)],
    )


def write_linear(path: Path) -> Path:
    """Write ``sum = a + b`` and ``difference = a - b`` over FP32 ``[n, 3]``."""
    floats = TensorProto.FLOAT
    return build(
        path,
        [
            helper.make_node("Add", ["a", "b"], ["sum"]),
            helper.make_node("Sub", ["a", "b"], ["difference"]),
        ],
        [value("a", floats, ["n", 3]), value("b", floats, ["n", 3])],
        [value("sum", floats, ["n", 3]), value("difference", floats, ["n", 3])],
    )


def write_external(path: Path, location: str) -> Path:
    """Write ``y = x + w`` whose ``w`` (FP32 [2]) is kept in the file *location*."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2])
    tensor.data_location = TensorProto.EXTERNAL
    entries = {"location": location, "offset": "0", "length": "8"}
    for key, text in entries.items():
        tensor.external_data.add(key=key, value=text)
    return build(
        path,
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [value("x", TensorProto.FLOAT, ["n", 2])],
        [value("y", TensorProto.FLOAT, ["n", 2])],
        initializer=[tensor],
    )


def write_zipmap(path: Path) -> Path:
    """Write a model whose output is a list of maps, as sklearn-onnx makes them."""
    kind = helper.make_sequence_type_proto(
        helper.make_map_type_proto(
            TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, None)
        )
    )
    node = helper.make_node(
        "ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[7, 9]
    )
    return build(
        path,
        [node],
        [value("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_value_info("y", kind)],
    )


def write_weights(path: Path, weights: Any) -> Path:
    """Write ``y = x @ weights``, all axes of ``x`` but the last left open."""
    rows = weights.shape[0]
    return build(
        path,
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [value("x", TensorProto.FLOAT, [None, None, rows])],
        [value("y", TensorProto.FLOAT, [None, None, weights.shape[1]])],
        initializer=[numpy_helper.from_array(weights, "w")],
    )


@pytest.fixture
def linear(tmp_path: Path) -> Path:
    return write_linear(tmp_path / "model.onnx")


@pytest.fixture
def identity(tmp_path: Path) -> Callable[..., Path]:
    return lambda kind, shape=("n", 2): write_identity(
        tmp_path / "model.onnx", kind, shape
    )
