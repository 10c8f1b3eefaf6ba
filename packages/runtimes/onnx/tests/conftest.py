"""Tiny ONNX models, made on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

FLOAT = TensorProto.FLOAT
Axes = tuple[int | str | None, ...]


class Models:
    """Writes models into one folder; each method returns the file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(
        self,
        name: str,
        nodes: Sequence[onnx.NodeProto],
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[onnx.ValueInfoProto],
        *,
        opset: int = 17,
        **graph: Any,
    ) -> Path:
        made = helper.make_graph(nodes, "g", inputs, outputs, **graph)
        opsets = [
            helper.make_opsetid("", opset),
            helper.make_opsetid("ai.onnx.ml", 3),
        ]
        model = helper.make_model(made, opset_imports=opsets, ir_version=9)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(model.SerializeToString())
        return path

    def identity(
        self,
        kind: int = FLOAT,
        shape: Axes = ("n", 2),
        *,
        name: str = "model.onnx",
        out: Axes | None = None,
    ) -> Path:
        """``y`` equals ``x``."""
        return self.write(
            name,
            [helper.make_node("Identity", ["x"], ["y"])],
            [helper.make_tensor_value_info("x", kind, shape)],
            [helper.make_tensor_value_info("y", kind, shape if out is None else out)],
        )

    def linear(self, name: str = "model.onnx") -> Path:
        """``sum = a + b`` and ``difference = a - b`` over FP32 ``[n, 3]``."""
        info = helper.make_tensor_value_info
        return self.write(
            name,
            [
                helper.make_node("Add", ["a", "b"], ["sum"]),
                helper.make_node("Sub", ["a", "b"], ["difference"]),
            ],
            [info("a", FLOAT, ["n", 3]), info("b", FLOAT, ["n", 3])],
            [info("sum", FLOAT, ["n", 3]), info("difference", FLOAT, ["n", 3])],
        )

    def external(self, location: str, name: str = "model.onnx") -> Path:
        """``y = x + w`` whose ``w`` (FP32 [2]) is kept in the file *location*."""
        tensor = TensorProto(name="w", data_type=FLOAT, dims=[2])
        tensor.data_location = TensorProto.EXTERNAL
        for key, text in {"location": location, "offset": "0", "length": "8"}.items():
            tensor.external_data.add(key=key, value=text)
        return self.write(
            name,
            [helper.make_node("Add", ["x", "w"], ["y"])],
            [helper.make_tensor_value_info("x", FLOAT, ["n", 2])],
            [helper.make_tensor_value_info("y", FLOAT, ["n", 2])],
            initializer=[tensor],
        )

    def zipmap(self) -> Path:
        """Give a list of maps, as the classifiers of sklearn-onnx do."""
        entry = helper.make_map_type_proto(
            TensorProto.INT64, helper.make_tensor_type_proto(FLOAT, None)
        )
        node = helper.make_node(
            "ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[7, 9]
        )
        return self.write(
            "model.onnx",
            [node],
            [helper.make_tensor_value_info("x", FLOAT, ["n", 2])],
            [helper.make_value_info("y", helper.make_sequence_type_proto(entry))],
        )

    def sequence_input(self) -> Path:
        """Take a list of tensors, which no protocol can send."""
        kind = helper.make_sequence_type_proto(
            helper.make_tensor_type_proto(FLOAT, None)
        )
        node = helper.make_node("SequenceLength", ["x"], ["y"])
        return self.write(
            "model.onnx",
            [node],
            [helper.make_value_info("x", kind)],
            [helper.make_tensor_value_info("y", TensorProto.INT64, [])],
        )

    def split(self, *, sizes: Sequence[int]) -> Path:
        """Split ``x`` of as many elements into a list of tensors ``y``."""
        kind = helper.make_sequence_type_proto(
            helper.make_tensor_type_proto(FLOAT, None)
        )
        import numpy as np

        lengths = numpy_helper.from_array(np.array(sizes, dtype=np.int64), "sizes")
        return self.write(
            "model.onnx",
            [helper.make_node("SplitToSequence", ["x", "sizes"], ["y"], axis=0)],
            [helper.make_tensor_value_info("x", FLOAT, [sum(sizes)])],
            [helper.make_value_info("y", kind)],
            initializer=[lengths],
        )

    def matmul(self, weights: np.ndarray[Any, Any]) -> Path:
        """``y = x @ weights`` with every axis of ``x`` left open."""
        return self.write(
            "model.onnx",
            [helper.make_node("MatMul", ["x", "w"], ["y"])],
            [helper.make_tensor_value_info("x", FLOAT, ["n", None])],
            [helper.make_tensor_value_info("y", FLOAT, ["n", weights.shape[1]])],
            initializer=[numpy_helper.from_array(weights, "w")],
        )

    def reshape(self) -> Path:
        """``y`` is ``x`` in rows of two, which an odd number of elements breaks."""
        import numpy as np

        rows = numpy_helper.from_array(np.array([-1, 2], dtype=np.int64), "rows")
        return self.write(
            "model.onnx",
            [helper.make_node("Reshape", ["x", "rows"], ["y"])],
            [helper.make_tensor_value_info("x", FLOAT, ["n"])],
            [helper.make_tensor_value_info("y", FLOAT, [None, 2])],
            initializer=[rows],
        )

    def unknown_operator(self) -> Path:
        return self.write(
            "model.onnx",
            [helper.make_node("Frobnicate", ["x"], ["y"])],
            [helper.make_tensor_value_info("x", FLOAT, ["n"])],
            [helper.make_tensor_value_info("y", FLOAT, ["n"])],
        )


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return Models(tmp_path / "models")
