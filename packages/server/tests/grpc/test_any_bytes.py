"""Whatever bytes come as a request, they are read or refused as the client's error."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inferry.errors import InvalidInput
from inferry_server.grpc import requests
from inferry_server.grpc.kept import Kept
from inferry_server.grpc.messages import message

MOST = 2**16
Request = message("ModelInferRequest")
RAW = {"name": "x", "datatype": "FP32", "shape": [2, 2]}
SEEDS = [
    Request(
        model_name="m",
        inputs=[RAW],
        raw_input_contents=[np.ones(4, np.float32).tobytes()],
    ),
    Request(
        model_name="m",
        id="7",
        inputs=[{**RAW, "contents": {"fp32_contents": [1, 2, 3, 4]}}],
        outputs=[{"name": "y", "parameters": {"classification": {"int64_param": 2}}}],
    ),
    Request(
        model_name="m",
        parameters={"a": {"string_param": "b"}},
        inputs=[
            {
                "name": "t",
                "datatype": "BYTES",
                "shape": [2],
                "contents": {"bytes_contents": [b"a", b"\xff"]},
            },
            {
                "name": "n",
                "datatype": "INT8",
                "shape": [1],
                "contents": {"int_contents": [-3]},
            },
        ],
    ),
]
BODIES = [seed.SerializeToString() for seed in SEEDS]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Draw a message with some of its bytes changed, cut, repeated or put in."""
    body = bytearray(draw(st.sampled_from(BODIES)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(body)))
        change = draw(st.sampled_from(["set", "cut", "insert", "repeat"]))
        if change == "set" and at < len(body):
            body[at] = draw(st.integers(0, 255))
        elif change == "cut":
            del body[at : at + draw(st.integers(1, 8))]
        elif change == "insert":
            body[at:at] = draw(st.binary(max_size=8))
        else:
            body[at:at] = body[at : at + draw(st.integers(1, 40))]
    return bytes(body)


def read(body: bytes) -> requests.Request | None:
    try:
        return requests.decode(*requests.parse(body), max_elements=MOST)
    except InvalidInput:
        return None


@settings(max_examples=500)
@given(bodies())
def test_changed_messages_are_read_or_refused(body: bytes) -> None:
    read(body)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    read(body)


@given(bodies())
def test_a_large_message_is_read_as_a_small_one_is(body: bytes) -> None:
    # An unknown field of this length makes the same message a large one.
    padding = b"\xa2\x01\xa0\x9c\x01" + bytes(20_000)
    small, large = read(body), read(padding + body)
    assert (small is None) == (large is None)
    if small is not None and large is not None:
        assert str(small) == str(large)


@settings(max_examples=300)
@given(st.lists(bodies(), min_size=1, max_size=5), bodies())
def test_what_was_kept_changes_nothing(before: list[bytes], body: bytes) -> None:
    kept = Kept(MOST)
    for other in before:
        request = read(other)
        if request is not None:
            kept.keep(other, *requests.parse(other), request)
    try:
        found = kept.find(body)
    except InvalidInput:
        assert read(body) is None
        return
    if found is not None:
        assert str(found) == str(read(body))
