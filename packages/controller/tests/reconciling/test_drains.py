"""What has no traffic any more ends some time later, and not before."""

from __future__ import annotations

from inferry_controller.reconciling.drains import DRAIN, LONGEST, Drains

KEY = "team/iris"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_slot_is_drained_some_time_after_the_gateway_took_the_route() -> None:
    """The time begins when it has, not when the route was written."""
    clock = Clock()
    drains = Drains(clock)
    drains.note(KEY, {""}, accepted=False, rerouted=True)
    clock.now += DRAIN + 1
    drains.note(KEY, {""}, accepted=True, rerouted=False)
    early = drains.drained(KEY)
    clock.now += DRAIN

    assert early == frozenset()
    assert drains.drained(KEY) == {""}


def test_a_gateway_that_never_says_so_is_not_waited_for_for_ever() -> None:
    """After a while what is asked for is done."""
    clock = Clock()
    drains = Drains(clock)
    drains.note(KEY, {""}, accepted=False, rerouted=True)
    clock.now += LONGEST
    drains.note(KEY, {""}, accepted=False, rerouted=False)
    clock.now += DRAIN

    assert drains.drained(KEY) == {""}


def test_what_gets_traffic_again_begins_anew() -> None:
    """A rollback in the middle of a drain."""
    clock = Clock()
    drains = Drains(clock)
    drains.note(KEY, {""}, accepted=True, rerouted=False)
    clock.now += DRAIN
    drains.note(KEY, set(), accepted=True, rerouted=True)

    assert drains.drained(KEY) == frozenset()
    assert not drains.waits(KEY)
    assert drains.left(KEY) is None


def test_it_says_when_to_look_again() -> None:
    """So that nothing has to be polled."""
    clock = Clock()
    drains = Drains(clock)
    drains.note(KEY, {""}, accepted=True, rerouted=False)
    clock.now += 0.5

    assert drains.left(KEY) == DRAIN - 0.5
