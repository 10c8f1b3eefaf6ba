"""What of the transport needs no API server; the rest is in integration-tests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inferry_controller.kube.errors import Unavailable
from inferry_controller.kube.transport import ATTEMPTS, pause_before


def test_what_the_server_did_not_begin_may_always_be_repeated() -> None:
    for error in (
        Unavailable("busy", status=429),
        Unavailable("no connection", reason="NotConnected"),
    ):
        assert pause_before(1, error, repeatable=False) is not None


def test_what_may_have_been_done_is_repeated_only_where_that_is_safe() -> None:
    for error in (
        Unavailable("broken", status=500),
        Unavailable("reset", reason="Disconnected"),
        Unavailable("slow", reason="Timeout"),
    ):
        assert pause_before(1, error, repeatable=False) is None
        assert pause_before(1, error, repeatable=True) is not None


def test_attempts_come_to_an_end() -> None:
    error = Unavailable("busy", status=503)
    assert pause_before(ATTEMPTS - 1, error, repeatable=True) is not None
    assert pause_before(ATTEMPTS, error, repeatable=True) is None
    assert pause_before(1, error, repeatable=True, attempts=1) is None


def test_the_pause_is_what_the_server_asks_for() -> None:
    error = Unavailable("busy", status=429, retry_after=3.0)
    pause = pause_before(1, error, repeatable=True)
    assert pause == pytest.approx(3.3, abs=0.31)


@given(st.integers(1, ATTEMPTS - 1), st.none() | st.floats(0, 1e6))
def test_no_pause_is_longer_than_twelve_seconds(
    attempt: int, retry_after: float | None
) -> None:
    error = Unavailable("busy", status=503, retry_after=retry_after)
    pause = pause_before(attempt, error, repeatable=True)
    assert pause is not None
    assert 0 <= pause <= 12
