"""A request that is read from its kept beginning is the request itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.errors import InvalidInput
from inferry_server.grpc import requests
from inferry_server.grpc.kept import Kept
from inferry_server.grpc.messages import message

MOST = 2**20


def raw(values: list[float], datatype: str = "FP32", **more: Any) -> Any:
    data = np.array(values, np.float32).tobytes()
    item = {"name": "x", "datatype": datatype, "shape": [len(values)]}
    return message("ModelInferRequest")(
        model_name="m", inputs=[item], raw_input_contents=[data], **more
    )


def typed(values: list[float], **more: Any) -> Any:
    item = {"name": "x", "datatype": "FP32", "shape": [len(values)]}
    item["contents"] = {"fp32_contents": values}
    return message("ModelInferRequest")(model_name="m", inputs=[item], **more)


def read(body: bytes) -> requests.Request:
    return requests.decode(*requests.parse(body), max_elements=MOST)


def keep(kept: Kept, made: Any) -> None:
    body = made.SerializeToString()
    parsed, raws = requests.parse(body)
    request = requests.decode(parsed, raws, max_elements=MOST)
    kept.keep(body, parsed, raws, request)


def same(one: requests.Request, other: requests.Request) -> bool:
    (first,), (second,) = one.inputs, other.inputs
    names = ("model", "version", "id", "wanted", "parameters", "typed")
    assert [getattr(one, name) for name in names] == [
        getattr(other, name) for name in names
    ]
    assert (first.name, first.datatype) == (second.name, second.datatype)
    assert first.data.dtype == second.data.dtype
    return bool(np.array_equal(first.data, second.data, equal_nan=True))


floats = st.lists(st.floats(width=32), min_size=1, max_size=6)
makers = st.sampled_from([raw, typed])


@given(makers, st.lists(floats, min_size=1, max_size=6), floats)
def test_whatever_was_kept_a_request_is_read_right(
    make: Any, before: list[list[float]], values: list[float]
) -> None:
    kept = Kept(MOST)
    for other in before:
        keep(kept, make(other))
    body = make(values).SerializeToString()
    found = kept.find(body)
    if found is not None:
        assert same(found, read(body))
    assert (found is not None) >= (len(values) in {len(other) for other in before})


@pytest.mark.parametrize("make", [raw, typed])
@pytest.mark.parametrize("size", [1, 40, 60_000])
def test_the_same_shape_with_other_values_is_found(make: Any, size: int) -> None:
    kept = Kept(MOST)
    keep(kept, make([1.0] * size))
    body = make([2.0] * size).SerializeToString()
    found = kept.find(body)
    assert found is not None
    assert same(found, read(body))


def test_the_outputs_that_are_wanted_are_kept_too() -> None:
    kept = Kept(MOST)
    outputs = [{"name": "y", "parameters": {"classification": {"int64_param": 1}}}]
    keep(kept, raw([1.0], outputs=outputs))
    found = kept.find(raw([2.0], outputs=outputs).SerializeToString())
    assert found is not None
    assert (found.wanted.names, found.wanted.classes) == (("y",), {"y": 1})


def test_what_follows_the_tensor_is_not_taken_for_it() -> None:
    kept = Kept(MOST)
    one = typed([1.0], outputs=[{"name": "\0\0\0?"}])
    assert one.SerializeToString().endswith(np.float32(0.5).tobytes())
    one.inputs[0].contents.fp32_contents[:] = [0.5]
    keep(kept, one)
    assert kept.find(one.SerializeToString()) is None
    item = {"name": "x", "datatype": "UINT8", "shape": [1]}
    last = message("ModelInferRequest")(raw_input_contents=[b"A"])
    first = message("ModelInferRequest")(model_name="m", inputs=[item])
    named = message("ModelInferRequest")(outputs=[{"name": "A"}])
    parts = [part.SerializeToString() for part in (first, last, named)]
    body = b"".join(parts)
    parsed, raws = requests.parse(body)
    kept.keep(body, parsed, raws, read(body))
    assert kept.find(body) is None


@pytest.mark.parametrize(
    "more",
    [
        {"id": "1"},
        {"parameters": {"a": {"bool_param": True}}},
        {"model_name": "other"},
        {"model_version": "2"},
    ],
)
def test_a_request_that_says_something_else_is_not_found(more: Any) -> None:
    kept = Kept(MOST)
    keep(kept, raw([1.0]))
    made = raw([1.0])
    made.MergeFrom(message("ModelInferRequest")(**more))
    assert kept.find(made.SerializeToString()) is None


@pytest.mark.parametrize(
    "made",
    [
        raw([1.0], id="1"),
        raw([1.0], parameters={"a": {"bool_param": True}}),
        raw([1.0], outputs=[{"name": "n" * 600}]),
        raw([]),
    ],
)
def test_what_will_not_come_again_is_not_kept(made: Any) -> None:
    kept = Kept(MOST)
    keep(kept, made)
    assert kept.find(made.SerializeToString()) is None


def test_values_are_checked_each_time() -> None:
    def flags(values: bytes) -> Any:
        item = {"name": "x", "datatype": "BOOL", "shape": [len(values)]}
        return message("ModelInferRequest")(
            model_name="m", inputs=[item], raw_input_contents=[values]
        )

    kept = Kept(MOST)
    keep(kept, flags(b"\0\1"))
    with pytest.raises(InvalidInput, match="neither 0 nor 1"):
        kept.find(flags(b"\0\2").SerializeToString())


def test_two_messages_of_one_length_are_told_apart() -> None:
    kept = Kept(MOST)
    one, other = raw([1.0, 2.0]), raw([1.0, 2.0])
    other.inputs[0].name = "y"
    for made in (one, other):
        keep(kept, made)
        found = kept.find(made.SerializeToString())
        assert found is not None
        assert found.inputs[0].name == made.inputs[0].name


def test_only_so_many_are_kept() -> None:
    kept = Kept(MOST)
    for number in range(3000):
        made = raw([1.0])
        made.model_name = f"m{number}"
        keep(kept, made)
    assert len(kept._known) <= 1024
