"""Whether calls of a model are so short that a thread would cost more than they take.

A hop to a thread and back costs 27 to 41 us, more than three times a whole small
request. A call on the event loop holds up everything else, health checks included, so
a model must earn it, and loses it for long when it once stalls the loop.

In a thread a call is judged by the time of its processor: the clock also counts its
wait for the interpreter, which a busy event loop makes long. On the loop the clock is
the judge, and single slow calls are forgiven, because other processes cause them too.
"""

from __future__ import annotations

#: A call up to here is quick, in ns: a hop would add about a tenth to it, and as many
#: calls as one turn of the loop may bring still leave a health check its 50 ms.
QUICK = 500_000
#: A call from here on is noticed by others.
NOTICED = 10_000_000
#: A call from here on is a stall, for which no busy machine can be blamed.
STALL = 100_000_000

_TRUSTED_NEEDS = 8
_NEEDED = 1_000
_MOST_NEEDED = 1_000_000
_SLACK = 1024
_SLOW_COSTS = 16
_NOTICED_COSTS = 128


class Pace:
    """Counts quick calls; times in ns, sizes in bytes of the request.

    *trusted* is a model whose time depends on nothing but the size of its inputs: it
    needs little proof, and only several slow calls in a row speak against it. A request
    much larger than those that were quick proves itself in a thread first.
    """

    def __init__(self, *, trusted: bool) -> None:
        self._trusted = trusted
        self._needed = _TRUSTED_NEEDS if trusted else _NEEDED
        self._quick = 0
        self._slow_in_a_row = 0
        self._proven = 0
        self._is_settled = False  # so that another quick call changes nothing
        #: The largest request that may run on the event loop; below 0 none may.
        self.limit = -1

    def is_inline(self, size: int) -> bool:
        """Say whether a request of *size* may run on the event loop."""
        return size <= self.limit

    def ran_inline(self, took: int, size: int) -> None:
        """Learn from a call on the event loop that *took* so long by the clock."""
        if took < QUICK:
            if self._slow_in_a_row or size > self._proven or not self._is_settled:
                self._was_quick(size)
            return
        self._slow_in_a_row += 1
        if self._trusted and self._slow_in_a_row < _TRUSTED_NEEDS:
            return
        if took >= STALL and not self._trusted:
            self._needed = min(_MOST_NEEDED, self._needed * 8)
        self._was_slow(took, size)

    def ran_in_thread(self, took: int, computed: int, size: int) -> None:
        """Learn from a call in a thread, by the clock and by its processor."""
        # What the clock says must only promise that a trial on the loop harms nobody.
        if computed < QUICK and took < NOTICED:
            self._was_quick(size)
        else:
            self._was_slow(took, size)

    def _was_quick(self, size: int) -> None:
        self._slow_in_a_row = 0
        if not self._is_settled:
            self._quick += 1
        self._proven = max(self._proven, size)
        self._counted()

    def _was_slow(self, took: int, size: int) -> None:
        self._proven = min(self._proven, size // 2)
        if self._trusted or took >= STALL:
            self._quick = 0
        else:
            cost = _NOTICED_COSTS if took >= NOTICED else _SLOW_COSTS
            self._quick = max(0, self._quick - cost)
        self._counted()

    def _counted(self) -> None:
        self._is_settled = self._quick >= self._needed + _SLACK
        self.limit = 2 * self._proven if self._quick >= self._needed else -1
