"""Whether a file is still the one that was resolved."""

from __future__ import annotations

import pytest

from inferry_storage.backends.validators import Validators

EARLY = "Mon, 01 Jan 2024 00:00:00 GMT"
LATER = "Mon, 01 Jan 2024 00:00:30 GMT"
MUCH_LATER = "Tue, 02 Jan 2024 00:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "strong", "conditions"),
    [
        ({"etag": '"1"'}, '"1"', {"If-Match": '"1"'}),
        ({"etag": 'W/"1"'}, None, {}),
        (
            {"etag": 'W/"1"', "last-modified": EARLY, "date": MUCH_LATER},
            f"modified {EARLY}",
            {"If-Unmodified-Since": EARLY},
        ),
        (
            {"last-modified": EARLY, "date": LATER},
            None,
            {"If-Unmodified-Since": EARLY},
        ),
        ({"last-modified": "yesterday"}, None, {"If-Unmodified-Since": "yesterday"}),
        ({}, None, {}),
    ],
)
def test_what_is_strong_tells_bytes_apart(
    headers: dict[str, str], strong: str | None, conditions: dict[str, str]
) -> None:
    found = Validators.of(headers)

    assert found.strong == strong
    assert found.conditions() == conditions


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"etag": '"1"'}, {"etag": '"2"'}, True),
        ({"etag": '"1"'}, {"etag": 'W/"1"'}, False),
        ({"etag": '"1"'}, {}, False),
        ({"last-modified": EARLY}, {"last-modified": LATER}, True),
        ({"last-modified": EARLY}, {"last-modified": EARLY}, False),
        (
            {"etag": '"1"', "last-modified": EARLY},
            {"etag": '"1"', "last-modified": LATER},
            False,
        ),
        ({}, {"etag": '"1"'}, False),
    ],
)
def test_a_later_answer_is_compared(
    before: dict[str, str], after: dict[str, str], *, expected: bool
) -> None:
    assert Validators.of(before).differ(after) is expected
