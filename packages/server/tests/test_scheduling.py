"""The parameters that say when a request wants to be computed."""

from __future__ import annotations

import time
from typing import Any

import pytest

from inferry.errors import InvalidInput
from inferry_server.calls import Call
from inferry_server.scheduling import take_schedule


def deadline(before: float | None = None, **parameters: Any) -> float | None:
    call = Call("v2", {}, deadline=before)
    take_schedule(call, parameters)
    return call.deadline


def test_a_timeout_is_a_deadline() -> None:
    now = time.monotonic()
    found = deadline(timeout=2_000_000)
    assert found is not None
    assert now + 2 <= found <= time.monotonic() + 2


def test_the_earlier_deadline_counts() -> None:
    assert deadline(1.0, timeout=5_000_000) == 1.0
    late = time.monotonic() + 1000
    found = deadline(late, timeout=5_000_000)
    assert found is not None
    assert found < late


@pytest.mark.parametrize("parameters", [{}, {"timeout": 0}, {"else": 3}])
def test_no_timeout_is_no_deadline(parameters: Any) -> None:
    assert deadline(**parameters) is None


@pytest.mark.parametrize(
    "good",
    [
        {"priority": 3},
        {"sequence_id": "a", "sequence_start": True, "sequence_end": False},
        {"sequence_id": 2**64 - 1},
    ],
)
def test_what_has_a_meaning_is_taken(good: Any) -> None:
    assert deadline(**good) is None


@pytest.mark.parametrize(
    "bad",
    [
        {"timeout": "soon"},
        {"timeout": -1},
        {"timeout": True},
        {"timeout": 1.5},
        {"timeout": None},
        {"timeout": 2**70},
        {"priority": "high"},
        {"sequence_id": []},
        {"sequence_id": True},
        {"sequence_start": 1},
        {"sequence_end": {}},
    ],
)
def test_what_has_none_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidInput, match=f"parameter {next(iter(bad))!r}"):
        deadline(**bad)
