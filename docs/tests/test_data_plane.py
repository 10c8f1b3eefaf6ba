"""The page about the data plane: what it says of the code, against the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferry_server import ServerSettings
from inferry_server.http import fast, listener
from inferry_server.pace import NOTICED, QUICK, STALL, Pace

DOCS = Path(__file__).parents[1]
PAGE = (DOCS / "explanation" / "data-plane.md").read_text("utf-8")


def needed(*, trusted: bool) -> int:
    """Return how many quick calls bring a model onto the loop."""
    pace = Pace(trusted=trusted)
    for count in range(10_000):
        if pace.is_inline(1):
            return count
        pace.ran_in_thread(1, 1, 1)
    raise AssertionError


def test_what_is_quick_and_what_is_a_stall_are_as_the_page_says() -> None:
    assert f"less than {QUICK // 1000} µs" in PAGE
    assert f"One of {STALL // 1_000_000} ms or more" in PAGE


def test_a_model_is_trusted_after_as_many_calls_as_the_page_says() -> None:
    assert f"is trusted after {needed(trusted=True)} quick calls" in PAGE
    assert f"Any other needs {needed(trusted=False)}." in PAGE


def test_slow_calls_cost_a_model_what_the_page_says() -> None:
    pace = Pace(trusted=True)
    for _ in range(8):
        pace.ran_in_thread(1, 1, 1)
    for slow in range(8):
        assert pace.is_inline(1), f"not after {slow} slow calls"
        pace.ran_inline(NOTICED, 1)
    assert not pace.is_inline(1)
    assert "and 8 in a row are not" in PAGE


def test_a_request_is_proven_up_to_twice_its_size() -> None:
    pace = Pace(trusted=True)
    for _ in range(8):
        pace.ran_in_thread(1, 1, 100)
    assert (pace.is_inline(200), pace.is_inline(201)) == (True, False)
    assert "more than twice as large" in PAGE


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("api_keys", "keys"),
        ("jwt_keys", "keys"),
        ("middleware", ("a:b",)),
        ("tracing", True),
        ("fast_lane", False),
    ],
)
def test_what_turns_lane_0_off_is_on_the_page(setting: str, value: object) -> None:
    assert listener.is_plain(ServerSettings())
    assert not listener.is_plain(ServerSettings(**{setting: value}))
    assert f"`--{setting}" in PAGE


def test_the_headers_that_leave_lane_0_are_on_the_page() -> None:
    for header in fast._ASKS_MORE:
        assert f"`{header.title()}`" in PAGE
