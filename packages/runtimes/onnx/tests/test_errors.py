"""What onnxruntime says of a run is the caller's mistake or the model's."""

from __future__ import annotations

import numpy as np
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from inferry.errors import InferenceError, InvalidInput
from inferry.model import Tensor, TensorSpec
from inferry_runtime_onnx._errors import of_run
from inferry_runtime_onnx._tensors import Port

NODE = "Non-zero status code returned while running Add node. Name:'a' Status Message: "
WHERE = "/onnxruntime/core/element_wise_ops.h:583 void Append(long, long) axis == 1 "
GIVEN = (Tensor(name="x", datatype="FP32", data=np.zeros((2, 3), np.float32)),)


def port(*shape: int) -> dict[str, Port]:
    spec = TensorSpec(name="x", datatype="FP32", shape=shape)
    return {"x": Port(spec=spec, axes=shape)}


def test_a_size_is_wrong_where_an_axis_is_open() -> None:
    text = f"[ONNXRuntimeError] : 1 : FAIL : {NODE}{WHERE}was false. 2 by 3"
    found = of_run(ort_errors.Fail(text), GIVEN, port(-1, 3))
    assert isinstance(found, InvalidInput)
    assert str(found) == "the model refuses input 'x' (FP32 [2, 3]): Add: 2 by 3"


def test_a_condition_alone_is_said() -> None:
    text = f"[ONNXRuntimeError] : 1 : FAIL : {NODE}{WHERE}was false."
    found = of_run(ort_errors.Fail(text), GIVEN, port(-1, 3))
    assert str(found).endswith("axis == 1 was false.")


@pytest.mark.parametrize(
    ("error", "shape"),
    [
        (ort_errors.Fail("[ONNXRuntimeError] : 1 : FAIL : 2 by 3"), (2, 3)),
        (ort_errors.Fail("Failed to allocate memory for requested buffer"), (-1, 3)),
        (ort_errors.RuntimeException("CUDA failure 700"), (-1, 3)),
        (ort_errors.NotImplemented("no kernel"), (-1, 3)),
        (MemoryError("bad"), (-1, 3)),
    ],
)
def test_what_no_request_can_mend_is_the_models(
    error: Exception, shape: tuple[int, ...]
) -> None:
    found = of_run(error, GIVEN, port(*shape))
    assert isinstance(found, InferenceError)
    assert "could not compute the answer: " in str(found)
