"""Parts of files, whatever a server makes of a range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.storage import Changed, Corrupt, NotFound, Truncated
from inferry_storage.network.parts import Part, content_length

URI = "https://example.com/a"


@given(
    data=st.binary(min_size=1, max_size=200),
    start=st.integers(0, 199),
    length=st.none() | st.integers(1, 250),
    piece=st.integers(1, 50),
    ranged=st.booleans(),
)
def test_a_part_is_the_slice_with_and_without_ranges(
    data: bytes, start: int, length: int | None, piece: int, *, ranged: bool
) -> None:
    start = min(start, len(data) - 1)
    end = len(data) if length is None else min(len(data), start + length)
    part = Part(uri=URI, start=start, length=length, size=len(data))
    told = {"content-range": f"bytes {start}-{end - 1}/{len(data)}"} if ranged else {}
    body = data[start:end] if ranged else data

    window = part.window(206 if ranged else 200, told, "none")
    got = b""
    for at in range(0, len(body), piece):
        got += window.take(body[at : at + piece])
        if window.complete:
            break
    window.finish()

    assert got == data[start:end]


@pytest.mark.parametrize("body", [b"", b"1234", b"123456"])
def test_another_length_than_promised_is_truncated(body: bytes) -> None:
    window = Part(uri=URI, size=5).window(200, {}, "none")

    with pytest.raises(Truncated, match="the 5 bytes that it promised"):
        _ = window.take(body), window.finish()


def test_more_than_the_part_is_truncated() -> None:
    told = {"content-range": "bytes 0-1/5"}
    window = Part(uri=URI, length=2, size=5).window(206, told, "none")

    with pytest.raises(Truncated):
        window.take(b"123")


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (200, {"content-length": "4"}, Changed),
        (206, {"content-range": "bytes 2-4/6"}, Changed),
        (206, {"content-range": "bytes 1-4/5"}, Corrupt),
        (206, {}, Corrupt),
        (412, {}, Changed),
        (416, {}, Changed),
        (404, {}, NotFound),
    ],
)
def test_an_answer_of_another_file_or_part_is_refused(
    status: int, headers: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        Part(uri=URI, start=2, size=5).window(status, headers, "none")


@pytest.mark.parametrize("told", ["", "-1", "1e3", "12x", "²", "9" * 30])
def test_nonsense_is_no_length(told: str) -> None:
    assert content_length({"content-length": told}) is None
