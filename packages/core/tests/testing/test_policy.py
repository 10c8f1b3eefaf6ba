"""`PolicyTests` passes a good policy and fails a bad one."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from inferry.autoscaling import Decision, Signals
from inferry.testing import PolicyTests

if TYPE_CHECKING:
    from collections.abc import Mapping


class Concurrency:
    """One replica per ten requests in flight, at least one."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.floor = int(settings.get("floor", 1))

    def decide(self, signals: Signals, state: Any) -> Decision:
        return Decision(
            replicas=max(self.floor, math.ceil(signals.in_flight / 10)),
            state={"steps": (state or {"steps": 0})["steps"] + 1},
        )


class TestGood(PolicyTests):
    policy = Concurrency


class TestGoodToZero(PolicyTests):
    policy = Concurrency
    settings: ClassVar = {"floor": 0}
    scale_to_zero = True


class Negative(Concurrency):
    def decide(self, signals: Signals, state: Any) -> Decision:
        return Decision(replicas=math.ceil(signals.in_flight) - 1)


class Moody(Concurrency):
    counter = itertools.count()

    def decide(self, signals: Signals, state: Any) -> Decision:
        return Decision(replicas=1 + next(self.counter))


class Contrary(Concurrency):
    def decide(self, signals: Signals, state: Any) -> Decision:
        return Decision(replicas=10 if signals.in_flight < 5 else 1)


class Zero(Concurrency):
    def decide(self, signals: Signals, state: Any) -> Decision:
        return Decision(replicas=math.ceil(signals.in_flight / 10))


class Swings(Concurrency):
    def decide(self, signals: Signals, state: Any) -> Decision:
        return Decision(replicas=2 if signals.replicas == 1 else 1)


class Opaque(Concurrency):
    def decide(self, signals: Signals, state: Any) -> Decision:
        return Decision(replicas=1, state=object())


@pytest.mark.parametrize(
    ("policy", "test", "error"),
    [
        (Negative, "test_decides_a_whole_number_of_replicas", AssertionError),
        (Moody, "test_is_pure", AssertionError),
        (Contrary, "test_more_load_never_needs_fewer_replicas", AssertionError),
        (Zero, "test_goes_to_zero_only_if_declared", AssertionError),
        (Swings, "test_settles_under_constant_load", AssertionError),
        (Opaque, "test_its_state_travels", TypeError),
        (dict, "test_is_a_policy", AssertionError),
    ],
)
def test_a_bad_policy_fails(policy: type, test: str, error: type[Exception]) -> None:
    kit = type("Kit", (PolicyTests,), {"policy": policy})()
    with pytest.raises(error):
        getattr(kit, test)()
