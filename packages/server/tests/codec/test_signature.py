"""Inputs against what the model declares, and answers against what it may give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inferry.errors import InferenceError, InvalidInput
from inferry.model import InferResponse, ModelMetadata, Tensor, TensorSpec
from inferry_server.codec.signature import (
    Inputs,
    check_requested,
    check_response,
)

ONE = ModelMetadata(inputs=(TensorSpec(name="input", datatype="FP32", shape=(-1, 4)),))
TWO = ModelMetadata(
    inputs=(
        TensorSpec(name="left", datatype="INT32", shape=(-1,)),
        TensorSpec(name="right", datatype="BYTES", shape=(2,)),
    )
)


def tensor(
    name: str, shape: Any, datatype: str = "FP32", dtype: Any = np.float32
) -> Tensor:
    return Tensor(name=name, datatype=datatype, data=np.zeros(shape, dtype))


def test_inputs_come_in_the_order_that_the_model_declares() -> None:
    right = tensor("right", (2,), "BYTES", object)
    left = tensor("left", (3,), "INT32", np.int32)
    assert Inputs(TWO, "m").check((right, left)) == (left, right)


def test_a_model_that_declares_nothing_takes_anything() -> None:
    anything = (tensor("z", (1, 2, 3)),)
    assert Inputs(ModelMetadata(), "m").check(anything) == anything


WRONG = [
    (ONE, (tensor("x", (1, 4)),), "model 'm' has no input 'x'; expected 'input'"),
    (ONE, (), "missing input 'input'; got none"),
    (
        ONE,
        (tensor("input", (1, 4), "FP64", np.float64),),
        "got datatype FP64, expected FP32",
    ),
    (
        ONE,
        (tensor("input", (1, 3)),),
        r"got shape \[1, 3\], expected \[-1, 4\] \(-1 is",
    ),
    (ONE, (tensor("input", (4,)),), r"got shape \[4\], expected \[-1, 4\]"),
    (TWO, (tensor("left", (1,), "INT32"),), "missing input 'right'; got 'left'"),
    (TWO, (tensor("lefd", (1,), "INT32"),), "did you mean 'left'"),
]


@pytest.mark.parametrize(("metadata", "inputs", "message"), WRONG)
def test_inputs_that_do_not_fit_are_refused_by_name(
    metadata: Any, inputs: Any, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        Inputs(metadata, "m").check(inputs)


def test_an_unknown_output_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="no output 'zz'; expected 'a', 'b'"):
        check_requested(("a", "zz"), ("a", "b"), "m")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "predict returned NoneType, expected InferResponse"),
        (InferResponse(outputs=(1,)), "an output is int, expected Tensor"),
        (InferResponse(outputs=(tensor("y", 1, "FP33"),)), "unknown datatype 'FP33'"),
        (
            InferResponse(outputs=(tensor("y", 1, "INT8"),)),
            "its data is float32, expected",
        ),
        (
            InferResponse(outputs=(Tensor(name="y", datatype="FP32", data=[1.0]),)),
            "its data is list",
        ),
        (InferResponse(outputs=iter([tensor("y", 1, "FP32")])), "expected a tuple"),
        (InferResponse(outputs={"y": 1}), "its outputs are dict"),
        (InferResponse(outputs=(tensor(5, 1, "FP32"),)), "name is int, expected str"),
        (
            InferResponse(outputs=(tensor("y", 1, "FP32"),) * 2),
            "two outputs have one name: 'y', 'y'",
        ),
    ],
)
def test_an_answer_that_cannot_be_sent_is_the_models_fault(
    answer: Any, message: str
) -> None:
    with pytest.raises(InferenceError, match=message):
        check_response(answer, "m")
