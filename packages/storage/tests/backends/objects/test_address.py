from __future__ import annotations

import pytest

from inferry.storage import InvalidUri, UnsafePath
from inferry_storage.backends.objects.address import (
    Address,
    Parts,
    checked_key,
    decoded,
    is_on,
    spellings,
)

_SECRET = "s3://models/m?sig=SECRET"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ("",)),
        ("a/b/", ("a/b",)),
        ("a b", ("a b",)),
        ("a%20b", ("a%20b", "a b")),
        ("100%", ("100%",)),
        ("%C3%BC", ("%C3%BC", "ü")),
    ],
)
def test_a_path_is_taken_as_it_is_written_and_then_decoded(
    path: str, expected: tuple[str, ...]
) -> None:
    assert spellings("s3://b/", path) == expected


@pytest.mark.parametrize(
    "path", ["a//b", "/a", "../a", "a/./b", "a/%2e%2e/b", "a\nb", "a%00b", "a%2F%2Fb"]
)
def test_a_key_that_no_folder_can_hold_is_refused(path: str) -> None:
    with pytest.raises(UnsafePath, match="control character"):
        spellings("s3://b/", path)


def test_a_url_is_always_decoded() -> None:
    assert decoded("https://h/", "a%2520b/") == "a%20b"
    with pytest.raises(InvalidUri, match="is not UTF-8"):
        decoded("https://h/", "%ff")


def test_a_plain_key_is_itself() -> None:
    assert checked_key("s3://b/", "a/b") == "a/b"
    assert checked_key("s3://b/", "") == ""


def test_a_hash_is_a_character_and_a_question_mark_begins_the_query() -> None:
    parts = Parts.of("s3://bucket/a#b?versionId=x")
    assert (parts.authority, parts.path) == ("bucket", "a#b")
    assert parts.option("versionId") == "x"


@pytest.mark.parametrize("query", ["sig=SECRET", "versionId", "versionId=a&b=c"])
def test_a_query_that_nothing_reads_is_refused_and_not_shown(query: str) -> None:
    with pytest.raises(InvalidUri, match=r"\?versionId=…") as caught:
        Parts.of(f"s3://models/m?{query}").option("versionId")
    assert "SECRET" not in str(caught.value)


def test_nothing_shows_the_query() -> None:
    shown = repr(Parts.of(_SECRET)) + repr(Address(uri=_SECRET, bucket="models"))
    assert "SECRET" not in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", True), ("true", True), ("0", False), ("False", False), ("", True)],
)
def test_a_switch_is_read_as_kserve_writes_it(text: str, *, expected: bool) -> None:
    assert is_on({"name": text}, "name", default=True) is expected
    assert is_on({}, "name") is False
