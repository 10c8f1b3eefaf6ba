"""Flat JSON in and out."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferry.errors import InvalidInput
from inferry.model import InferResponse, TensorSpec
from inferry_server.codec import generate, v2

VALUES = {
    "FP64": st.floats(allow_nan=False, allow_infinity=False),
    "INT64": st.integers(-(2**63), 2**63 - 1),
    "BOOL": st.booleans(),
    "BYTES": st.text(),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
SPECS = (
    TensorSpec(name="a", datatype="FP32", shape=(-1, 2)),
    TensorSpec(name="b", datatype="BYTES", shape=(-1,)),
)


def decode(document: Any, *specs: TensorSpec) -> generate.Request:
    return generate.decode(memoryview(json.dumps(document).encode()), specs)


@st.composite
def lists(draw: st.DrawFn) -> tuple[str, list[Any]]:
    datatype = draw(st.sampled_from(sorted(VALUES)))
    return datatype, draw(st.lists(VALUES[datatype], min_size=1, max_size=8))


@settings(deadline=None)  # the machine may be busy
@given(lists())
def test_what_comes_goes_back(drawn: tuple[str, list[Any]]) -> None:
    datatype, items = drawn
    spec = TensorSpec(name="x", datatype=datatype, shape=(-1, -1))
    decoded = decode({"x": items}, spec)
    assert decoded.inputs[0].data.shape == (1, len(items))
    document = generate.encode(InferResponse(outputs=decoded.inputs), model="m")
    found = json.loads(v2.dump(document, "m"))
    assert found["x"] == (items[0] if len(items) == 1 else items)


@settings(deadline=None)  # the machine may be busy
@given(st.dictionaries(st.sampled_from(["a", "b", "id", "parameters", "c"]), JSON))
def test_any_document_is_a_request_or_refused(document: dict[str, Any]) -> None:
    for specs in ((), SPECS):
        with suppress(InvalidInput):
            decode(document, *specs)


@settings(deadline=None)  # the machine may be busy
@given(st.binary())
def test_any_bytes_are_a_request_or_refused(body: bytes) -> None:
    with suppress(InvalidInput):
        generate.decode(memoryview(body), SPECS)


@pytest.mark.parametrize(
    ("shape", "count", "expected"),
    [
        ((-1,), 3, (3,)),
        ((-1, 1), 3, (3, 1)),
        ((-1, 2), 6, (3, 2)),
        ((-1, -1), 3, (1, 3)),
        ((2, 3), 6, (2, 3)),
        ((-1, 3, -1), 6, (1, 3, 2)),
    ],
)
def test_a_list_fills_the_last_free_dimension(
    shape: tuple[int, ...], count: int, expected: tuple[int, ...]
) -> None:
    spec = TensorSpec(name="x", datatype="INT32", shape=shape)
    decoded = decode({"x": [1] * count}, spec)
    assert decoded.inputs[0].data.shape == expected


@pytest.mark.parametrize(("shape", "count"), [((-1, 2), 3), ((2, 3), 5), ((0, -1), 2)])
def test_a_list_that_fills_no_shape_is_refused(
    shape: tuple[int, ...], count: int
) -> None:
    spec = TensorSpec(name="x", datatype="INT32", shape=shape)
    with pytest.raises(InvalidInput, match="'x'"):
        decode({"x": [1] * count}, spec)


def test_nested_lists_are_taken_as_they_are() -> None:
    decoded = decode({"a": [[1, 2], [3, 4]]}, *SPECS)
    assert decoded.inputs[0].data.tolist() == [[1, 2], [3, 4]]
