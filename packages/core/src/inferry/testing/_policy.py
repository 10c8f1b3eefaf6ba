"""Tier 1 for autoscaling policies: pure, in bounds, no surprises."""

# ruff: noqa: S101 - asserting is what a kit is for
from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from inferry.autoscaling import Decision, Policy, Signals
from inferry.plugins import ImportRef, resolve
from inferry.testing._overrides import KitRules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_STEPS = 50
_load = st.floats(min_value=0, max_value=1e6, allow_nan=False)


class PolicyTests(KitRules):
    """Checks an autoscaling policy with generated signals.

    Set ``policy`` to the factory or to the `ImportRef` of the descriptor; ``settings``
    are what it gets, ``scale_to_zero`` is the descriptor's. ``metrics`` names what the
    descriptor asks the host for.
    """

    policy: ClassVar[ImportRef | Callable[[Mapping[str, Any]], Policy]]
    settings: ClassVar[Mapping[str, Any]] = {}
    scale_to_zero: ClassVar[bool] = False
    metrics: ClassVar[frozenset[str]] = frozenset()

    def new_policy(self) -> Policy:
        """Return a new policy."""
        factory = type(self).policy
        if isinstance(factory, ImportRef):
            name = type(self).__name__
            factory = resolve(factory, plugin=name, distribution=name)
        return factory(self.settings)

    def signals(self, load: float, *, now: float = 60.0, replicas: int = 1) -> Signals:
        """Return the signals of *load* requests at a time on *replicas* replicas."""
        return Signals(
            now=now,
            window=60.0,
            replicas=replicas,
            ready=replicas,
            in_flight=load,
            queued=0.0,
            arrivals=load * 10,
            completions=load * 10,
            service_time=0.1,
            metrics=dict.fromkeys(self.metrics, load),
        )

    def test_is_a_policy(self) -> None:
        """The factory gives an object with ``decide(signals, state)``.

        On failure: compare it with ``inferry.autoscaling.Policy``.
        """
        assert isinstance(self.new_policy(), Policy)

    def test_decides_a_whole_number_of_replicas(self) -> None:
        """Any load gives a `Decision` with zero or more replicas.

        On failure: round up and bound the result from below.
        """

        @examples(max_examples=100, deadline=None, database=None)
        @given(load=_load, replicas=st.integers(0, 1000))
        def holds(load: float, replicas: int) -> None:
            decision = self._decide(load, replicas=replicas)
            assert isinstance(decision, Decision)
            assert type(decision.replicas) is int
            assert decision.replicas >= 0

        holds()

    def test_is_pure(self) -> None:
        """The same signals and state give the same decision.

        On failure: keep nothing on ``self`` and read no clock; use ``signals.now`` and
        ``Decision.state``.
        """

        @examples(max_examples=50, deadline=None, database=None)
        @given(load=_load, other=_load)
        def holds(load: float, other: float) -> None:
            policy = self.new_policy()
            first = policy.decide(self.signals(load), None)
            policy.decide(self.signals(other), first.state)
            again = policy.decide(self.signals(load), None)
            assert first == again

        holds()

    def test_more_load_never_needs_fewer_replicas(self) -> None:
        """Decisions grow with the load, all else being equal.

        On failure: look for a term that falls with the load or overflows.
        """

        @examples(max_examples=100, deadline=None, database=None)
        @given(low=_load, more=_load, replicas=st.integers(1, 100))
        def holds(low: float, more: float, replicas: int) -> None:
            fewer = self._decide(low, replicas=replicas).replicas
            assert fewer <= self._decide(low + more, replicas=replicas).replicas

        holds()

    def test_goes_to_zero_only_if_declared(self) -> None:
        """Without ``scale_to_zero`` an idle service keeps a replica.

        On failure: return at least 1, or declare ``scale_to_zero`` in the descriptor.
        """
        if self.scale_to_zero:
            pytest.skip("the policy declares scale_to_zero")
        assert min(self._run_constant(0.0)) >= 1

    def test_settles_under_constant_load(self) -> None:
        """Under a load that stays, the number of replicas stops changing.

        On failure: compute from the load alone, not from the replicas there are, or
        keep a dead band in ``Decision.state``.
        """
        for load in (1.0, 7.0, 33.3, 1000.0):
            last = self._run_constant(load)[_STEPS // 2 :]
            assert len(set(last)) == 1, f"load {load}: {last}"

    def test_its_state_travels(self) -> None:
        """``Decision.state`` is plain data, so that another process can go on with it.

        On failure: keep numbers, strings, lists and dicts in it.
        """
        state = self._decide(3.0).state
        copied = msgspec.json.decode(msgspec.json.encode(state))
        policy = self.new_policy()
        expected = policy.decide(self.signals(5.0, now=120.0), state)
        actual = policy.decide(self.signals(5.0, now=120.0), copied)
        assert expected.replicas == actual.replicas

    def _decide(self, load: float, *, replicas: int = 1) -> Decision:
        return self.new_policy().decide(self.signals(load, replicas=replicas), None)

    def _run_constant(self, load: float) -> list[int]:
        """Return the decisions over time, each fed back as the replicas there are."""
        policy = self.new_policy()
        replicas, state = 1, None
        decided = []
        for step in range(_STEPS):
            signals = self.signals(load, now=60.0 * step, replicas=replicas)
            decision = policy.decide(signals, state)
            replicas, state = decision.replicas, decision.state
            decided.append(replicas)
        return decided
