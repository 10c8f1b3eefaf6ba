"""An autoscaling policy of a third party."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from inferry.autoscaling import Decision, Policy, Signals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class AcmePolicy:
    """Aims at so many tokens a second for each replica."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._target = float(settings.get("target", 100))

    def decide(self, signals: Signals, state: float | None) -> Decision:
        """Return the replicas for the highest load seen so far."""
        peak = max(signals.metrics.get("tokens", 0.0), state or 0.0)
        replicas = math.ceil(peak / self._target)
        return Decision(replicas=replicas, reason=f"{peak:g} tokens/s", state=peak)


POLICY: Callable[[Mapping[str, Any]], Policy] = AcmePolicy
