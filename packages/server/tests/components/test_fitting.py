"""Inputs as the predictor declares them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.model import InferRequest, Tensor, TensorSpec
from inferry_server.components.fitting import fit, read


def spec(datatype: str, name: str = "x") -> TensorSpec:
    return TensorSpec(name=name, datatype=datatype, shape=(-1,))


def request(data: Any, datatype: str, name: str = "x") -> InferRequest:
    tensor = Tensor(name=name, datatype=datatype, data=np.array(data))
    return InferRequest(inputs=(tensor,))


@pytest.mark.parametrize(
    ("data", "given", "declared", "expected"),
    [
        ([1, 2], "INT64", "FP32", "FP32"),
        ([1.5], "FP64", "FP32", "FP32"),
        ([1, 2], "INT64", "UINT8", "UINT8"),
        ([2.0], "FP64", "INT32", "INT32"),
        ([True], "BOOL", "INT8", "INT8"),
        ([1.5], "FP64", "INT32", "FP64"),
        ([300], "INT64", "UINT8", "INT64"),
        ([-1], "INT64", "UINT64", "INT64"),
        ([1e300], "FP64", "FP32", "FP64"),
        ([np.inf, np.nan], "FP64", "FP16", "FP16"),
        ([1], "INT64", "BYTES", "INT64"),
    ],
)
def test_a_datatype_is_changed_where_no_value_is(
    data: Any, given: str, declared: str, expected: str
) -> None:
    (tensor,) = fit(request(data, given), (spec(declared),)).inputs
    assert tensor.datatype == expected
    np.testing.assert_array_equal(tensor.data, np.array(data))


def test_the_only_input_of_v1_gets_its_name() -> None:
    (tensor,) = fit(request([1.0], "FP64", "input-0"), (spec("FP64", "y"),)).inputs
    assert tensor.name == "y"


def test_other_names_stay_for_the_predictor_to_refuse() -> None:
    asked = request([1.0], "FP64", "z")
    assert fit(asked, (spec("FP32", "y"),)) == asked


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_never_change(values: list[int]) -> None:
    asked = request(np.array(values, np.int64), "INT64")
    for declared in ("INT8", "UINT16", "INT32", "UINT64"):
        (tensor,) = fit(asked, (spec(declared),)).inputs
        assert tensor.data.tolist() == values


@pytest.mark.parametrize(
    ("content", "inputs"),
    [
        (b'{"name": "m"}', ()),
        (b'{"inputs": null}', ()),
        (b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1]}]}', ("x",)),
    ],
)
def test_metadata_is_read(content: bytes, inputs: tuple[str, ...]) -> None:
    assert tuple(spec.name for spec in read(content)) == inputs


@pytest.mark.parametrize("content", [b"", b"[]", b'{"inputs": [{"name": 1}]}'])
def test_other_documents_are_no_metadata(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read(content)
