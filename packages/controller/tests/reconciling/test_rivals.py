"""Another controller is noticed, told of once, and not fought."""

from __future__ import annotations

from inferry_controller.reconciling.rivals import PAUSE, Rivals

KEY = "team/iris"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_single_foreign_write_is_put_right_at_once() -> None:
    """Somebody tried something by hand."""
    rivals = Rivals(Clock())

    assert not rivals.wrote(KEY)
    assert rivals.pause(KEY) == 0


def test_many_of_them_are_told_of_once_and_left_alone_for_a_while() -> None:
    """Two controllers would write for ever."""
    clock = Clock()
    rivals = Rivals(clock)

    told = [rivals.wrote(KEY) for _ in range(5)]

    assert told == [False, False, True, False, False]
    assert rivals.pause(KEY) == PAUSE
    clock.now += PAUSE
    assert rivals.pause(KEY) == 0


def test_writes_far_apart_are_accidents() -> None:
    """One an hour is no rival."""
    clock = Clock()
    rivals = Rivals(clock)
    for _ in range(5):
        clock.now += 3600
        assert not rivals.wrote(KEY)

    assert rivals.pause(KEY) == 0


def test_what_its_author_asks_for_does_not_wait() -> None:
    """An edit ends the pause, and nothing is told twice."""
    rivals = Rivals(Clock())
    for _ in range(3):
        rivals.wrote(KEY)

    rivals.pardon(KEY)

    assert rivals.pause(KEY) == 0
    assert [rivals.wrote(KEY) for _ in range(3)] == [False, False, False]
