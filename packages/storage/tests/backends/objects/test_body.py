from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.storage import Changed, Entry, Truncated
from inferry_storage.backends.objects.body import Body, plain
from inferry_storage.backends.objects.refusals import Asked

_ASKED = Asked(
    cloud="S3", shown="s3://b/m", where="http://h", rung="secret", who="step 'secret'"
)
_NO_RANGES = ValueError("Received non-partial response when range requested")


def _entry(size: int) -> Entry:
    return Entry(path="m", size=size, etag='"one"', location="m")


def _result(size: int, etag: str | None = '"one"') -> Any:
    return SimpleNamespace(meta={"size": size, "e_tag": etag})


@given(
    data=st.binary(max_size=200),
    start=st.integers(0, 250),
    length=st.none() | st.integers(0, 250),
    step=st.integers(1, 64),
    ranged=st.booleans(),
)
def test_what_is_taken_is_the_slice_that_was_asked_for(
    data: bytes, start: int, length: int | None, step: int, *, ranged: bool
) -> None:
    body = Body(_entry(len(data)), start, length, ranged=ranged)
    expected = data[start:] if length is None else data[start : start + length]
    assert body.wanted == len(expected)
    asked = body.options(None).get("range")
    sent = data if asked is None else data[asked[0] : asked[1]]
    body.check(_result(len(data)), _ASKED)
    given = b""
    for at in range(0, len(sent), step):
        if body.ended:
            break
        given += body.take(sent[at : at + step])
    assert expected == given
    body.finish(_ASKED)


def test_the_whole_is_asked_for_without_a_range() -> None:
    assert Body(_entry(10), 0, None, ranged=True).options(None) == {"if_match": '"one"'}
    assert Body(_entry(10), 0, 10, ranged=True).options("v") == {
        "if_match": '"one"',
        "version": "v",
    }


@pytest.mark.parametrize(
    "result", [_result(11), _result(10, '"two"'), _result(10, 'W/"two"')]
)
def test_another_object_is_refused(result: Any) -> None:
    with pytest.raises(Changed, match="was replaced while it was read"):
        Body(_entry(10), 0, None, ranged=True).check(result, _ASKED)


def test_quotes_are_no_part_of_an_etag() -> None:
    assert plain('"one"') == plain("one") == plain('W/"one"') == "one"
    Body(_entry(10), 0, None, ranged=True).check(_result(10, "one"), _ASKED)
    Body(_entry(10), 0, None, ranged=True).check(_result(10, None), _ASKED)


@pytest.mark.parametrize("sent", [b"short", b"longer than it"])
def test_a_body_of_another_length_is_refused(sent: bytes) -> None:
    body = Body(_entry(10), 0, None, ranged=True)
    body.check(_result(10), _ASKED)
    body.take(sent)
    with pytest.raises(Truncated, match=f"sent {len(sent)} of 10 bytes of 'm'"):
        body.finish(_ASKED)


def test_a_server_without_ranges_is_asked_once_more() -> None:
    body = Body(_entry(10), 2, 3, ranged=True)
    assert not body.fell_back(ValueError("something else"), _ASKED)
    assert body.fell_back(_NO_RANGES, _ASKED)
    assert body.options(None) == {"if_match": '"one"'}
    assert not body.fell_back(_NO_RANGES, _ASKED)


def test_much_is_not_skipped_but_resolved_again() -> None:
    body = Body(_entry(2**30), 2**24, 2**24, ranged=True)
    with pytest.raises(Changed):
        body.fell_back(_NO_RANGES, _ASKED)
