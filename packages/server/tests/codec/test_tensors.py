"""The tensors of gRPC: raw and typed, there and back, for every datatype."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from drawn import same, tensors
from hypothesis import given, settings

from inferry.errors import InvalidInput
from inferry.model import Tensor
from inferry_server.codec import tensors as codec


def message(**fields: Any) -> Any:
    """Return what has the fields of `InferTensorContents`."""
    return SimpleNamespace(**{name: [] for name in codec.FIELDS} | fields)


def typed(datatype: str, data: Any, shape: Any = None) -> Any:
    contents = message(**{codec.CONTENTS[datatype]: data})
    return codec.from_message(contents, datatype, shape or [len(data)], "x")


@settings(max_examples=300, deadline=None)
@given(tensors(text_only=False))
def test_raw_bytes_keep_every_bit(tensor: Any) -> None:
    sent = memoryview(codec.to_raw(tensor.data, tensor.datatype))
    back = codec.from_raw(sent, tensor.datatype, tensor.data.shape, "x")
    same(tensor, Tensor(name="x", datatype=tensor.datatype, data=back))


@settings(max_examples=300, deadline=None)
@given(tensors(text_only=False))
def test_typed_contents_keep_every_value(tensor: Any) -> None:
    if tensor.datatype not in codec.CONTENTS:
        with pytest.raises(InvalidInput, match="no typed contents"):
            codec.to_contents(tensor.data, tensor.datatype)
        return
    field, items = codec.to_contents(tensor.data, tensor.datatype)
    contents = message(**{field: items})
    back = codec.from_message(contents, tensor.datatype, tensor.data.shape, "x")
    assert back.shape == tensor.data.shape
    assert back.dtype == tensor.data.dtype
    if back.dtype.kind == "f":
        assert np.array_equal(back, tensor.data, equal_nan=True)
    else:
        assert back.tolist() == tensor.data.tolist()


@pytest.mark.parametrize(
    ("datatype", "data", "message"),
    [
        (
            "INT8",
            [0, 128],
            r"element 1 is 128, out of the range of INT8 \(-128 to 127\)",
        ),
        ("INT16", [-32769], "out of the range of INT16"),
        ("UINT8", [256], "out of the range of UINT8"),
        ("UINT16", [65536], "out of the range of UINT16"),
    ],
)
def test_a_value_that_its_field_holds_but_not_its_datatype_is_refused(
    datatype: str, data: Any, message: str
) -> None:
    with pytest.raises(InvalidInput, match=f"'x': .*{message}|'x': {message}"):
        typed(datatype, data)


@pytest.mark.parametrize("datatype", ["FP16", "BF16"])
def test_half_floats_travel_as_raw_bytes_only(datatype: str) -> None:
    if datatype == "BF16":
        pytest.importorskip("ml_dtypes")
    with pytest.raises(InvalidInput, match=f"'x': {datatype} .*raw_input_contents"):
        codec.from_message(message(fp32_contents=[1.0]), datatype, [1], "x")


def test_contents_in_a_field_of_another_datatype_are_refused() -> None:
    with pytest.raises(
        InvalidInput,
        match="'x': fp32_contents is given, expected int_contents for INT8",
    ):
        codec.from_message(message(fp32_contents=[1.0]), "INT8", [1], "x")


def test_the_number_of_values_is_that_of_the_shape() -> None:
    with pytest.raises(
        InvalidInput, match=r"has 3 values, expected 4 for shape \[2, 2\]"
    ):
        typed("INT64", [1, 2, 3], [2, 2])


def test_an_unknown_datatype_is_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown datatype 'INT4'"):
        codec.from_message(message(), "INT4", [0], "x")


def test_the_number_of_elements_has_a_limit_that_holds_before_anything_is_made() -> (
    None
):
    with pytest.raises(InvalidInput, match="has 1000000 elements, at most 1000"):
        codec.from_raw(memoryview(b""), "FP32", [1000, 1000], "x", 1000)
    with pytest.raises(InvalidInput, match="has 1000000 elements, at most 1000"):
        codec.from_contents([], "FP32", [1000, 1000], "x", 1000)
