"""Taking messages apart without protobuf, against protobuf."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.errors import InvalidInput
from inferry_server.grpc import wire
from inferry_server.grpc.messages import message

Request = message("ModelInferRequest")
RAW = 7

requests = st.builds(
    lambda name, raws, outputs: Request(
        model_name=name,
        raw_input_contents=raws,
        outputs=[{"name": output} for output in outputs],
        parameters={"a": {"int64_param": 300}},
    ).SerializeToString(),
    st.text(max_size=300),
    st.lists(st.binary(max_size=400), max_size=4),
    st.lists(st.text(max_size=3), max_size=3),
)


@given(requests)
def test_the_parts_are_those_that_protobuf_sees(body: bytes) -> None:
    whole = Request.FromString(body)
    rest, raws = wire.split(body, RAW)
    assert [bytes(raw) for raw in raws] == list(whole.raw_input_contents)
    del whole.raw_input_contents[:]
    assert Request.FromString(rest) == whole


@given(requests, st.data())
def test_a_message_that_ends_early_is_refused_or_shorter(
    body: bytes, data: st.DataObject
) -> None:
    cut = body[: data.draw(st.integers(0, len(body)))]
    try:
        rest, raws = wire.split(cut, RAW)
    except InvalidInput:
        return
    assert len(rest) + sum(map(len, raws)) <= len(cut)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        wire.split(body, RAW)
    except InvalidInput:
        return


@pytest.mark.parametrize(
    "body", [b"\x3a", b"\x3a\x05ab", b"\x80" * 11, b"\x0d\x00", b"\x3b", b"\xff" * 30]
)
def test_broken_messages_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="the message is broken"):
        wire.split(body, RAW)


def test_numbers_of_fixed_width_and_unknown_fields_stay_in_the_rest() -> None:
    body = b"\x45abcd\x49abcdefgh\x50\x07"
    assert wire.split(body, RAW) == (body, [])


def test_a_group_stays_in_the_rest_with_what_is_in_it() -> None:
    body = b"\x73\x3a\x01x\x7b\x7c\x74"
    assert not Request.FromString(body).raw_input_contents
    assert wire.split(body + b"\x3a\x01y", RAW) == (body, [b"y"])


@pytest.mark.parametrize("body", [b"\x74", b"\x73\x7c", b"\x73\x7b\x74\x7c"])
def test_a_group_ends_where_it_began(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="a group ends that did not begin"):
        wire.split(body, RAW)


def test_more_fields_than_any_model_has_are_refused() -> None:
    with pytest.raises(InvalidInput, match="more than 40000 fields"):
        wire.split(b"\x2a\x00" * 50_000, RAW)


@given(st.integers(0, 2**63))
def test_numbers_are_written_as_protobuf_does(value: int) -> None:
    parameter = message("InferParameter")(uint64_param=value)
    written = parameter.SerializeToString()
    assert written == b"\x28" + wire.varint(value)


@given(st.integers(0, 5000))
def test_a_prefix_says_how_long_the_value_is(length: int) -> None:
    made = Request(raw_input_contents=[bytes(length)]).SerializeToString()
    assert made == wire.prefix(RAW, length) + bytes(length)
