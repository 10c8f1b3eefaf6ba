"""Notice another controller that writes the same status, and stop fighting it.

KServe's own manager does, where it still runs: each would write over the other for as
long as both live.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

REASON = "AnotherController"
MESSAGE = (
    "another controller writes the status of this service, too; where it is KServe's, "
    "scale its Deployment kserve-controller-manager to 0"
)
#: So many foreign writes within so many seconds are no accident; the pause after them.
_MANY, _WITHIN, PAUSE = 3, 60.0, 60.0


class Rivals:
    """Counts foreign writes of each service's status."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: dict[str, list[float]] = {}
        self._told: set[str] = set()

    def wrote(self, key: str) -> bool:
        """Count one; return whether to say so, which is once for a service."""
        now = self._clock()
        mine = [at for at in self._seen.get(key, ()) if at + _WITHIN > now]
        self._seen[key] = [*mine, now][-_MANY:]
        if len(self._seen[key]) < _MANY or key in self._told:
            return False
        self._told.add(key)
        _log.warning("%s: %s", key, MESSAGE)
        return True

    def pause(self, key: str) -> float:
        """Return the seconds to leave the service to the other one; 0: none."""
        mine = self._seen.get(key, [])
        if len(mine) < _MANY:
            return 0.0
        left = mine[-1] + PAUSE - self._clock()
        if left > 0 and mine[-1] - mine[0] <= _WITHIN:
            return left
        del self._seen[key]
        return 0.0

    def pardon(self, key: str) -> None:
        """End the pause of a service; what was told is not told again."""
        self._seen.pop(key, None)

    def forget(self, key: str) -> None:
        """Forget a service that is gone."""
        self._seen.pop(key, None)
        self._told.discard(key)
