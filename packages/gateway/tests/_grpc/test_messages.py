"""The wire format of protocol buffers, as far as a gateway needs it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry_gateway._grpc.messages import (
    Malformed,
    enum,
    flag,
    nested,
    text,
    text_field,
)

FIXED32 = b"\x25abcd"  # field 4
FIXED64 = b"\x29abcdefgh"  # field 5


@given(st.text(min_size=1), st.integers(1, 5000), st.binary(max_size=300))
def test_a_text_is_found_among_other_fields(
    name: str, number: int, other: bytes
) -> None:
    if number in {4, 5, 6}:
        number = 7
    around = nested(number + 1, other) + FIXED32 + FIXED64 + enum(6, 300)
    message = around + text(number, name) + around
    assert text_field(message, number) == name


def test_the_last_of_several_counts() -> None:
    assert text_field(text(1, "a") + text(2, "x") + text(1, "b"), 1) == "b"


def test_what_is_not_set_is_empty() -> None:
    assert text_field(b"", 1) == ""
    assert text_field(text(2, "a"), 1) == ""
    assert (text(1, ""), flag(1, value=False)) == (b"", b"")


def test_known_bytes_are_written() -> None:
    assert text(1, "iris") == b"\x0a\x04iris"
    assert flag(1, value=True) == b"\x08\x01"
    assert enum(1, 2) == b"\x08\x02"
    assert nested(16, b"x" * 200) == b"\x82\x01\xc8\x01" + b"x" * 200


@pytest.mark.parametrize(
    "message",
    [b"\x0a", b"\x0a\x05iris", b"\x0b", b"\xff" * 12, b"\x08", b"\x0a\x01\xff"],
)
def test_what_is_no_message_is_said(message: bytes) -> None:
    with pytest.raises(Malformed):
        text_field(message, 1)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(message: bytes) -> None:
    with contextlib.suppress(Malformed):
        text_field(message, 1)
