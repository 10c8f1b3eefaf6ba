"""Messages are walked as they were written, and what is none is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.runtime.protobuf import fields, packed, signed

INT64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


@given(number=st.integers(1, 2**20), value=INT64, text=st.binary(max_size=300))
def test_fields_are_those_that_were_written(
    number: int, value: int, text: bytes
) -> None:
    message = (
        varint(number << 3)
        + varint(value)
        + varint(number << 3 | 1)
        + bytes(8)
        + varint(number << 3 | 5)
        + bytes(4)
        + varint(number << 3 | 2)
        + varint(len(text))
        + text
    )

    found = list(fields(memoryview(message)))

    assert [key for key, _ in found] == [number] * 4
    assert signed(int(str(found[0][1]))) == value
    assert bytes(memoryview(found[3][1])) == text  # type: ignore[arg-type]


@given(st.lists(INT64))
def test_packed_integers_are_read(values: list[int]) -> None:
    data = b"".join(map(varint, values))

    assert [signed(each) for each in packed(memoryview(data))] == values


@given(st.binary(max_size=64))
def test_garbage_is_a_value_error_or_fields(data: bytes) -> None:
    try:
        found = list(fields(memoryview(data)))
    except ValueError:
        return
    assert all(number > 0 for number, _ in found)


@pytest.mark.parametrize(
    "data", [b"\x0a\x05ab", b"\x08", b"\x0b", b"\x00\x00", b"\x08" + b"\xff" * 11]
)
def test_what_is_cut_off_or_none_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut off|beyond the end|wire type"):
        list(fields(memoryview(data)))
