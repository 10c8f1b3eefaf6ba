"""ONNX: a small network of dense layers, written node by node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from runtimes.case import Case, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


def cases() -> Iterable[Case]:
    """Yield a small dense network on random rows."""
    table = np.random.default_rng(0).normal(size=(32, 64)).astype(np.float32)
    yield Case(
        title="ONNX, two dense layers",
        target="inferry_runtime_onnx.model:OnnxModel",
        make=_make,
        bare=_bare,
        request=rows_of("x", table),
        needs=("onnx", "onnxruntime", "inferry_runtime_onnx"),
        options={"threads": 1},
    )


def _make(folder: Path) -> Path:
    from onnx import TensorProto, checker, helper, numpy_helper, save_model

    random = np.random.default_rng(1)
    weights = [
        numpy_helper.from_array(random.normal(size=size).astype(np.float32), name)
        for name, size in (("a", (64, 256)), ("b", (256, 10)))
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "b"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "dense",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 10])],
        weights,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    checker.check_model(model)
    save_model(model, str(folder / "model.onnx"))
    return folder


def _bare(path: Path) -> Callable[..., Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(path / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )

    def predict(rows: Any) -> Any:  # noqa: ANN401 - arrays
        return session.run(None, {"x": rows})[0]

    return predict
