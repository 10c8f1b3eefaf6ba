"""Models that the suite serves, written on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_sum_and_difference(folder: Path) -> Path:
    """Write an ONNX model: ``sum = a + b``, ``difference = a - b``, FP32 [n, 3]."""
    from onnx import TensorProto, helper

    def info(name: str) -> object:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3])

    graph = helper.make_graph(
        [
            helper.make_node("Add", ["a", "b"], ["sum"]),
            helper.make_node("Sub", ["a", "b"], ["difference"]),
        ],
        "graph",
        [info("a"), info("b")],
        [info("sum"), info("difference")],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder
