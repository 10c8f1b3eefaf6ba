"""Bodies: framed once, replayed whole."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inferry_gateway._body import REPLAYABLE, RequestBody

pieces = st.lists(st.binary(min_size=1, max_size=50), max_size=10)


def fill(body: Any, data: Any) -> None:
    for piece in data:
        body.received += len(piece)
        body.add(piece)


@given(pieces, pieces, st.booleans())
def test_after_a_rewind_the_same_bytes_come_again(
    first: Any, second: Any, chunked: Any
) -> None:
    body = RequestBody(chunked=chunked)
    body.begin(replayable=True)
    fill(body, first)
    sent = b"".join(body.take())
    fill(body, second)
    body.done = True
    sent += b"".join(body.take())
    assert body.sent
    assert body.replayable
    body.rewind()
    body.begin(replayable=False)
    assert b"".join(body.take()) == sent
    assert sent.endswith(b"0\r\n\r\n") is chunked or not chunked


def test_the_end_of_a_chunked_body_is_sent_once() -> None:
    body = RequestBody(chunked=True)
    body.begin(replayable=False)
    body.done = True
    assert body.take() == [b"0\r\n\r\n"]
    assert body.take() == []


def test_a_large_body_is_not_kept() -> None:
    body = RequestBody(chunked=False)
    body.begin(replayable=True)
    fill(body, [b"x" * REPLAYABLE])
    body.take()
    assert body.replayable
    fill(body, [b"x"])
    body.take()
    assert not body.replayable
