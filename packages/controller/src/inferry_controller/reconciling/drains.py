"""How long something has had no traffic: what has, ends only some time later.

A gateway learns of a route's change a moment after the API server does, and requests
that it sent before are still on their way.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

#: Seconds between the route's change and the end of what it led to.
DRAIN = 2.0
#: Seconds to wait for a gateway that does not say that it has taken a route.
LONGEST = 30.0
#: What was rendered no more, beside the slots that are at rest.
LEFTOVERS = "-"


class Drains:
    """Since when each slot of a service has had no traffic."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[str, dict[str, float]] = {}
        self._first: dict[str, float] = {}

    def drained(self, key: str) -> frozenset[str]:
        """Return what has had no traffic for long enough."""
        now = self._clock()
        mine = self._since.get(key, {})
        return frozenset(slot for slot, since in mine.items() if since + DRAIN <= now)

    def waits(self, key: str) -> bool:
        """Say whether something of a service waits to be drained."""
        return key in self._since

    def note(
        self, key: str, idle: Collection[str], *, accepted: bool, rerouted: bool
    ) -> None:
        """Take what is *idle* now; time runs once the gateway has *accepted* that."""
        if not idle:
            self.forget(key)
            return
        now = self._clock()
        first = self._first.setdefault(key, now)
        if rerouted:
            first = self._first[key] = now
        late = rerouted or not (accepted or first + LONGEST <= now)
        mine = self._since.get(key, {})
        self._since[key] = {
            slot: math.inf if late else min(mine.get(slot, now), now) for slot in idle
        }

    def left(self, key: str) -> float | None:
        """Return the seconds until the next thing is drained, None without any."""
        mine = self._since.get(key)
        if not mine:
            return None
        now = self._clock()
        later = [min(since + DRAIN - now, DRAIN) for since in mine.values()]
        return max(min((each for each in later if each > 0), default=DRAIN), 0.05)

    def forget(self, key: str) -> None:
        """Forget a service."""
        self._since.pop(key, None)
        self._first.pop(key, None)
