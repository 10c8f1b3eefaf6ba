"""Outputs as classes, in the words of Triton's extension."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from inferry.errors import InvalidInput
from inferry.model import DATATYPES, InferResponse, Tensor
from inferry_server.codec import v2
from inferry_server.codec.classification import classify
from inferry_server.codec.datatypes import dtype_of
from inferry_server.codec.values import object_array


def tensor(data: Any, datatype: str = "FP32") -> Tensor:
    array = np.asarray(data, dtype_of(datatype, "y"))
    return Tensor(name="y", datatype=datatype, data=array)


def classes(*args: Any, **kwargs: Any) -> Any:
    found = classify(*args, **kwargs)
    assert found.datatype == "BYTES"
    return found.data.tolist()


def test_each_row_has_its_highest_values_first() -> None:
    data = [[0.1, 0.7, 0.2], [3, 1, 2]]
    assert classes(tensor(data), 2) == [
        [b"0.700000:1", b"0.200000:2"],
        [b"3.000000:0", b"2.000000:2"],
    ]


def test_labels_follow_the_index() -> None:
    found = classes(tensor([0.25, 0.75]), 2, labels=("cat", "dog"))
    assert found == [b"0.750000:1:dog", b"0.250000:0:cat"]


@pytest.mark.parametrize(
    ("data", "datatype", "expected"),
    [
        ([3, 250, 7], "UINT8", [b"250:1", b"7:2", b"3:0"]),
        ([-3, -250], "INT64", [b"-3:0", b"-250:1"]),
        ([2**64 - 1, 5], "UINT64", [b"18446744073709551615:0", b"5:1"]),
        ([1, 2], "FP16", [b"2.000000:1", b"1.000000:0"]),
        ([1, 1, 1], "FP64", [b"1.000000:0", b"1.000000:1", b"1.000000:2"]),
        ([np.nan, 1, -np.inf], "FP32", [b"1.000000:1", b"nan:0", b"-inf:2"]),
        ([], "FP32", []),
    ],
)
def test_every_datatype_that_has_an_order_can_be_classified(
    data: Any, datatype: str, expected: Any
) -> None:
    assert classes(tensor(data, datatype), 9) == expected


def test_bfloat16_is_classified_too() -> None:
    pytest.importorskip("ml_dtypes")
    assert classes(tensor([1, 2], "BF16"), 1) == [b"2.000000:1"]


@pytest.mark.parametrize(
    ("shape", "batched", "expected"),
    [
        ((2, 3), None, (2, 2)),
        ((2, 3), True, (2, 2)),
        ((2, 3), False, (2,)),
        ((6,), None, (2,)),
        ((6,), True, (6, 1)),
        ((2, 3, 4), None, (2, 2)),
        ((), None, (1,)),
        ((0, 3), None, (0, 0)),
        ((2, 0), None, (2, 0)),
    ],
)
def test_the_first_dimension_is_the_batch(
    shape: Any, batched: Any, expected: Any
) -> None:
    data = np.zeros(shape, np.float32)
    assert classify(tensor(data), 2, batched=batched).data.shape == expected


@pytest.mark.parametrize("datatype", ["BOOL", "BYTES"])
def test_what_has_no_order_is_refused(datatype: str) -> None:
    assert datatype in DATATYPES
    data = object_array([b"a"]) if datatype == "BYTES" else np.array([True])
    with pytest.raises(InvalidInput, match=f"'y' is {datatype}, which cannot"):
        classify(Tensor(name="y", datatype=datatype, data=data), 1)


@pytest.mark.parametrize("binary", [True, False])
def test_a_requested_output_is_classified_in_either_form(binary: bool) -> None:  # noqa: FBT001 - a parameter
    parameters = {"classification": 1, "binary_data": binary}
    request = {"inputs": [], "outputs": [{"name": "y", "parameters": parameters}]}
    wanted = v2.decode(memoryview(orjson.dumps(request))).wanted
    response = InferResponse(outputs=(tensor([[1, 2], [4, 3]]),))
    body = v2.encode(response, wanted, model="m")
    (output,) = orjson.loads(body.parts[0])["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [2, 1])
    if binary:
        assert body.parts[1] == b"\x0a\0\0\x002.000000:1\x0a\0\0\x004.000000:0"
    else:
        assert output["data"] == ["2.000000:1", "4.000000:0"]


def test_no_classes_means_the_output_itself() -> None:
    output = {"name": "y", "parameters": {"classification": 0}}
    request = {"inputs": [], "outputs": [output]}
    assert not v2.decode(memoryview(orjson.dumps(request))).wanted.classes
