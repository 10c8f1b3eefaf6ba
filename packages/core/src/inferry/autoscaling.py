"""What an autoscaling policy implements: a pure function of signals and state.

Mechanism (bounds, drain, the fence around zero, rate limits) is outside policies: the
host clamps every decision, so a policy says only how many replicas the load needs.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import msgspec

__all__ = ["Decision", "Policy", "Signals"]


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    """What the host observed of one component over its last window.

    ``now`` and ``window`` are seconds (monotonic). ``in_flight`` and ``queued`` are
    means over the window, ``arrivals`` and ``completions`` are per second,
    ``service_time`` is the mean in seconds. ``metrics`` holds what the policy's
    descriptor asked for, by name.
    """

    now: float
    window: float
    replicas: int
    ready: int
    in_flight: float = 0.0
    queued: float = 0.0
    arrivals: float = 0.0
    completions: float = 0.0
    service_time: float = 0.0
    metrics: dict[str, float] = {}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """How many replicas the load needs, why, and what to remember until next time."""

    replicas: int
    reason: str = ""
    state: Any = None


@runtime_checkable
class Policy(Protocol):
    """A pure, synchronous decision: same signals and state, same answer."""

    def decide(self, signals: Signals, state: Any) -> Decision:  # noqa: ANN401 - a policy's state is its own
        """Decide from *signals* and the last decision's *state*, None at first."""
