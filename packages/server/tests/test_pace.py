"""When a call may run on the event loop, and when no more."""

from __future__ import annotations

from inferry_server.pace import NOTICED, QUICK, STALL, Pace

_FAST = QUICK // 10
_SLOW = QUICK * 2


def proven(*, trusted: bool = True, size: int = 100) -> Pace:
    """Return a pace that many quick calls of *size* bytes have proven."""
    pace = Pace(trusted=trusted)
    for _ in range(3000):
        pace.ran_in_thread(_FAST, _FAST, size)
    return pace


def test_nothing_is_known_at_first() -> None:
    assert not Pace(trusted=True).is_inline(0)


def test_a_trusted_model_needs_little_proof() -> None:
    pace = Pace(trusted=True)
    for _ in range(8):
        pace.ran_in_thread(_FAST, _FAST, 100)
    assert pace.is_inline(100)


def test_an_unknown_model_needs_much_proof() -> None:
    pace = Pace(trusted=False)
    for _ in range(999):
        pace.ran_in_thread(_FAST, _FAST, 100)
    assert not pace.is_inline(100)
    pace.ran_in_thread(_FAST, _FAST, 100)
    assert pace.is_inline(100)


def test_a_much_larger_request_proves_itself_first() -> None:
    pace = proven(size=100)
    assert pace.is_inline(200)
    assert not pace.is_inline(201)
    pace.ran_in_thread(_FAST, _FAST, 1000)
    assert pace.is_inline(2000)


def test_the_wait_for_the_interpreter_is_not_the_models_own() -> None:
    pace = Pace(trusted=False)
    for _ in range(1000):
        pace.ran_in_thread(NOTICED - 1, _FAST, 100)
    assert pace.is_inline(100)


def test_a_model_that_sleeps_stays_in_its_thread() -> None:
    pace = Pace(trusted=False)
    for _ in range(5000):
        pace.ran_in_thread(NOTICED, 0, 100)
    assert not pace.is_inline(100)


def test_single_slow_calls_of_a_trusted_model_are_forgiven() -> None:
    pace = proven()
    for _ in range(20):
        pace.ran_inline(_SLOW, 100)
        pace.ran_inline(_FAST, 100)
    assert pace.is_inline(100)


def test_slow_calls_in_a_row_send_a_trusted_model_away() -> None:
    pace = proven()
    for _ in range(8):
        pace.ran_inline(_SLOW, 100)
    assert not pace.is_inline(100)


def test_one_stall_sends_an_unknown_model_away_for_long() -> None:
    pace = proven(trusted=False)
    pace.ran_inline(STALL, 100)
    for _ in range(7999):
        pace.ran_in_thread(_FAST, _FAST, 100)
    assert not pace.is_inline(100)
    pace.ran_in_thread(_FAST, _FAST, 100)
    assert pace.is_inline(100)


def test_many_slow_calls_send_an_unknown_model_away() -> None:
    pace = proven(trusted=False)
    for _ in range(70):
        pace.ran_inline(_SLOW, 100)
    assert not pace.is_inline(100)
