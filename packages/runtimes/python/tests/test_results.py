"""Whatever a predict returns becomes tensors of the right type, or is refused."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.errors import InferenceError, InvalidInput
from inferry.model import InferResponse, Tensor
from inferry_runtime_python import _results


class Pair(NamedTuple):
    label: str
    score: float


def sent(result: Any) -> dict[str, tuple[str, Any]]:
    answer = _results.response(result, ())
    return {t.name: (t.datatype, t.data.tolist()) for t in answer.outputs}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (np.array([[1, 2]], np.float32), {"output-0": ("FP32", [[1, 2]])}),
        ([1, 2], {"output-0": ("INT64", [1, 2])}),
        ([[1.5], [2]], {"output-0": ("FP64", [[1.5], [2]])}),
        (3, {"output-0": ("INT64", [3])}),
        (np.float32(0.5), {"output-0": ("FP32", [0.5])}),
        (True, {"output-0": ("BOOL", [True])}),
        ("ä", {"output-0": ("BYTES", ["ä".encode()])}),
        (b"\xff\0", {"output-0": ("BYTES", [b"\xff\0"])}),
        ([b"a\0", b"b"], {"output-0": ("BYTES", [b"a\0", b"b"])}),
        (["a", "b"], {"output-0": ("BYTES", [b"a", b"b"])}),
        ((1, "a"), {"output-0": ("INT64", [1]), "output-1": ("BYTES", [b"a"])}),
        ({"x": [1], "y": 2.0}, {"x": ("INT64", [1]), "y": ("FP64", [2.0])}),
        (Pair("a", 0.5), {"label": ("BYTES", [b"a"]), "score": ("FP64", [0.5])}),
        (
            [{"label": "a", "score": 1.0}, {"label": "b", "score": 0.5}],
            {"label": ("BYTES", [b"a", b"b"]), "score": ("FP64", [1.0, 0.5])},
        ),
    ],
)
def test_plain_values_become_tensors(result: Any, expected: Any) -> None:
    assert sent(result) == expected


def test_tensors_and_responses_pass_as_they_are() -> None:
    tensor = Tensor(name="t", datatype="FP64", data=np.zeros(1))
    response = InferResponse(outputs=(tensor,))

    assert _results.response(response, ()) is response
    assert _results.response(tensor, ()).outputs == (tensor,)


def test_a_slice_is_made_contiguous() -> None:
    (answer,) = _results.response(np.zeros((4, 4))[:, ::2], ()).outputs

    assert answer.data.flags.c_contiguous


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (None, "returned None"),
        ([[1], [1, 2]], "makes no array"),
        (np.zeros(1, "complex64"), "complex64"),
        (np.zeros(1, "datetime64[s]"), "datetime64"),
        ({"x": {"y": 1}}, "'x' with dict in it"),
        (object(), "with object in it"),
    ],
)
def test_what_cannot_be_sent_is_named(result: Any, said: str) -> None:
    with pytest.raises(InferenceError, match=said):
        _results.response(result, ())


def test_only_what_was_asked_for_is_sent() -> None:
    answer = _results.response({"x": 1, "y": 2}, ("y",))

    assert [t.name for t in answer.outputs] == ["y"]
    with pytest.raises(InvalidInput, match="unknown output 'z'; the model gives 'x'"):
        _results.response({"x": 1}, ("z",))


@given(st.lists(st.binary() | st.text(), min_size=1))
def test_text_and_bytes_arrive_whole(items: list[Any]) -> None:
    array = np.empty(len(items), dtype=object)
    array[:] = items

    (answer,) = _results.response(array, ()).outputs

    expected = [i.encode() if isinstance(i, str) else i for i in items]
    assert answer.data.tolist() == expected
