"""Rows together and apart again: nothing is lost, for every datatype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawn import same, tensors
from hypothesis import given, settings
from hypothesis import strategies as st

from inferry.errors import InferenceError
from inferry.model import InferRequest, InferResponse, Tensor
from inferry_server import rows


def cut(tensor: Tensor, counts: list[int]) -> list[InferRequest]:
    """Return requests for *counts* rows of *tensor* each."""
    requests = []
    for count in counts:
        data = np.concatenate([tensor.data[:1]] * count)
        part = Tensor(name=tensor.name, datatype=tensor.datatype, data=data)
        requests.append(InferRequest(inputs=(part,)))
    return requests


@settings(max_examples=200, deadline=None)
@given(tensors(text_only=False), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_what_was_merged_comes_apart_as_it_was(tensor: Any, counts: Any) -> None:
    if rows.row_count(InferRequest(inputs=(tensor,))) == 0:
        return
    requests = cut(tensor, counts)
    assert len({rows.key_of(request) for request in requests}) == 1
    merged = rows.merge(requests)
    assert rows.row_count(merged) == sum(counts)
    assert merged.inputs[0].data.flags.c_contiguous
    parts = rows.split(InferResponse(outputs=merged.inputs), counts, "m")
    for request, part in zip(requests, parts, strict=True):
        same(request.inputs[0], part.outputs[0])
        assert part.outputs[0].data.flags.c_contiguous


def request(*shapes: Any) -> InferRequest:
    return InferRequest(
        inputs=tuple(
            Tensor(name=str(at), datatype="FP32", data=np.zeros(shape, np.float32))
            for at, shape in enumerate(shapes)
        )
    )


@pytest.mark.parametrize(
    ("shapes", "count"),
    [
        ([(3, 2)], 3),
        ([(3, 2), (3,)], 3),
        ([(3, 2), (2, 2)], 0),
        ([()], 0),
        ([(3,), ()], 0),
        ([(0, 2)], 0),
        ([], 0),
    ],
)
def test_the_rows_of_a_request_are_those_of_each_input(shapes: Any, count: int) -> None:
    assert rows.row_count(request(*shapes)) == count


@pytest.mark.parametrize("shape", [(), (2,), (4, 3)])
def test_an_output_of_another_number_of_rows_is_named(shape: Any) -> None:
    data = np.zeros(shape, np.float32)
    response = InferResponse(outputs=(Tensor(name="y", datatype="FP32", data=data),))
    with pytest.raises(InferenceError, match=r"'m' declares batching.*'y'.*for 3 rows"):
        rows.split(response, [1, 2], "m")
