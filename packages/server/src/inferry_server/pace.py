"""Whether calls of a model are so short that a thread would cost more than they take.

A hop to a thread and back costs 27 to 41 us, more than three times a whole small
request. A call on the event loop holds up everything else, health checks included, so
a model must earn it, and loses it for long when it once stalls the loop.
"""

from __future__ import annotations

#: A call up to here is quick: a hop would add more than a tenth to it.
QUICK = 250_000
#: A call from here on is a stall, which a health check would notice.
STALL = 20_000_000
_TRUSTED = 8
_UNKNOWN = 1_000
_MOST = 1_000_000
_SLACK = 64
_SLOW_COSTS = 16


class Pace:
    """Counts quick calls in a row; times in ns, sizes in bytes of the request.

    *trusted* is a model whose time depends on nothing but the size of its inputs; it
    needs little proof. A request much larger than those that were quick proves itself
    in a thread first.
    """

    def __init__(self, *, trusted: bool) -> None:
        self._needed = _TRUSTED if trusted else _UNKNOWN
        self._quick = 0
        self._proven = 0

    def is_inline(self, size: int) -> bool:
        """Say whether a request of *size* may run on the event loop."""
        return self._quick >= self._needed and size <= 2 * self._proven

    def took(self, nanoseconds: int, size: int) -> None:
        """Learn from a call, wherever it ran."""
        if nanoseconds < QUICK:
            if self._quick < self._needed + _SLACK:
                self._quick += 1
            self._proven = max(self._proven, size)
            return
        self._proven = min(self._proven, size // 2)
        if nanoseconds < STALL:
            self._quick = max(0, self._quick - _SLOW_COSTS)
            return
        if self._quick >= self._needed:
            self._needed = min(_MOST, self._needed * 8)
        self._quick = 0
