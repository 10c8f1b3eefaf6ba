"""How often, and how long between."""

from __future__ import annotations

import contextlib
import time

import pytest

from inferry.errors import StorageError
from inferry.storage import AccessDenied, Changed, Stalled, Truncated, Unreachable
from inferry_storage.transfer.patience import LEAST_PROGRESS, Patience


def waits(
    error: StorageError, kept: int = 0, until: float | None = None
) -> list[float]:
    """Return all waits until *error* is raised, 20 at most."""
    patience: Patience = Patience(until)
    found: list[float] = []
    with contextlib.suppress(type(error)):
        while len(found) < 20:
            found.append(patience.wait(error, kept))
    return found


def test_the_waits_grow_and_are_bounded() -> None:
    found = waits(Unreachable("away"))

    assert len(found) == 5
    assert all(0 <= each <= 2**n for n, each in enumerate(found))


@pytest.mark.parametrize(
    "error",
    [AccessDenied("no"), Changed("another"), StorageError("other")],
)
def test_what_stays_so_is_not_asked_again(error: StorageError) -> None:
    assert waits(error) == []


def test_the_root_with_the_reason_is_transient_too() -> None:
    assert waits(StorageError("cut", reason="StorageUnreachable"))


def test_attempts_that_bring_bytes_do_not_count() -> None:
    assert len(waits(Truncated("cut"), kept=LEAST_PROGRESS)) == 20
    assert len(waits(Truncated("cut"), kept=LEAST_PROGRESS - 1)) == 5


def test_a_stall_is_tried_once_more() -> None:
    assert len(waits(Stalled("slow"))) == 1


def test_a_store_is_asked_again_when_it_says() -> None:
    for each in waits(Unreachable("busy", retry_after=7)):
        assert 7 <= each <= 7.5


def test_a_store_cannot_make_us_wait_for_a_day() -> None:
    assert waits(Unreachable("busy", retry_after=86400)) == [300.0] * 5


def test_what_is_later_than_the_deadline_is_not_waited_for() -> None:
    until = time.monotonic() + 60

    assert waits(Unreachable("busy", retry_after=61), until=until) == []
    assert len(waits(Unreachable("busy", retry_after=50), until=until)) == 5
