"""The keys that wait to be reconciled: each at most once, urgent ones first.

The semantics are those of controller-runtime's priority queue. A key is handed to one
worker at a time. What is added while it is at work is handed out once more, after it.
Of several additions the higher priority and the earlier time win.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from inferry_controller.kube.backoff import pause

if TYPE_CHECKING:
    from collections.abc import Hashable

#: Somebody changed something, and waits.
LIVE = 0
#: A list or a resync brought it: a restart with 10,000 of them must not delay an edit.
RESYNC = -100
#: Seconds before the first repetition of what failed, and at most.
FIRST, LONGEST = 0.005, 300.0

K = TypeVar("K", bound="Hashable")


class ShutDown(Exception):
    """The queue hands out nothing more."""


class QueueMeter(Protocol):
    """What is told of a queue; see `inferry_controller.kube.metrics`."""

    def added(self) -> None:
        """A key was added that did not wait already."""

    def taken(self, waited: float) -> None:
        """A key was handed out, *waited* seconds after it could have been."""

    def finished(self, worked: float) -> None:
        """A key is done after *worked* seconds."""

    def retried(self) -> None:
        """A key is to be repeated because it failed."""


class _Unmetered:
    """Tells nobody."""

    def added(self) -> None: ...
    def taken(self, waited: float) -> None: ...
    def finished(self, worked: float) -> None: ...
    def retried(self) -> None: ...


class _Waiting(Generic[K]):
    """A key that waits: how urgent, from when on, since when, in which heap entry."""

    __slots__ = ("at", "entry", "key", "priority", "ready")

    def __init__(self, key: K, priority: int, at: float) -> None:
        self.key = key
        self.priority = priority
        self.at = at
        self.ready = False
        self.entry = -1


class Queue(Generic[K]):
    """Hands out keys: `get`, work, `retry` or `forget`, and always `done`."""

    def __init__(
        self,
        *,
        first: float = FIRST,
        longest: float = LONGEST,
        meter: QueueMeter | None = None,
    ) -> None:
        self.meter: QueueMeter = meter or _Unmetered()
        self._first = first
        self._longest = longest
        self._waiting: dict[K, _Waiting[K]] = {}
        self._processing: dict[K, tuple[float, int]] = {}
        self._failures: dict[K, int] = {}
        self._ready: list[tuple[int, int, _Waiting[K]]] = []
        self._delayed: list[tuple[float, int, _Waiting[K]]] = []
        self._count = itertools.count()
        self._getters: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._down = False

    # -- adding

    def add(self, key: K, *, priority: int = LIVE, after: float = 0.0) -> None:
        """Have *key* reconciled, *after* so many seconds; once, however often added."""
        if self._down:
            return
        now = _now()
        at = now + after if after > 0.0 else now
        item = self._waiting.get(key)
        if item is None:
            item = self._waiting[key] = _Waiting(key, priority, at)
            self.meter.added()
        elif priority > item.priority or (at < item.at and not item.ready):
            item.priority = max(priority, item.priority)
            item.at = min(at, item.at)
        else:
            return
        self._place(item, now)

    def retry(self, key: K, *, at_least: float = 0.0) -> None:
        """Have *key* repeated after it failed: 5 ms later, then double each time."""
        failures = self._failures.get(key, 0) + 1
        self._failures[key] = failures
        wait = pause(failures, first=self._first, longest=self._longest)
        self.meter.retried()
        self.add(key, priority=self.priority_of(key), after=max(wait, at_least))

    def forget(self, key: K) -> None:
        """Take *key* as healthy: its next failure counts as the first."""
        self._failures.pop(key, None)

    # -- taking

    async def get(self) -> K:
        """Return the most urgent key, as soon as there is one.

        Raises:
            ShutDown: when the queue was shut down.
        """
        while not self._down:
            item = self._next()
            if item is not None:
                return self._take(item)
            getter = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                if getter.done() and not getter.cancelled():
                    self._wake()  # the call was meant for somebody who can work
                raise
        raise ShutDown

    def done(self, key: K) -> None:
        """Say that the work on *key* ended; what was added meanwhile is due now."""
        started, _ = self._processing.pop(key)
        now = _now()
        self.meter.finished(now - started)
        item = self._waiting.get(key)
        if item is not None and not self._down:
            self._place(item, now)

    def shutdown(self) -> None:
        """Hand out nothing more; what is at work may end."""
        self._down = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._getters:
            self._wake()

    # -- looking

    def __len__(self) -> int:
        return len(self._waiting)

    def failures(self, key: K) -> int:
        """Return how often *key* failed in a row."""
        return self._failures.get(key, 0)

    def priority_of(self, key: K) -> int:
        """Return the priority with which *key* was handed out."""
        return self._processing.get(key, (0.0, LIVE))[1]

    def depth(self) -> dict[int, int]:
        """Return how many keys are due, by priority."""
        found: dict[int, int] = {}
        for item in self._waiting.values():
            if item.ready:
                found[item.priority] = found.get(item.priority, 0) + 1
        return found

    def working(self) -> list[float]:
        """Return for how many seconds each key at work has been so."""
        now = _now()
        return [now - started for started, _ in self._processing.values()]

    # -- inside

    def _place(self, item: _Waiting[K], now: float) -> None:
        """Put *item* where its time and its key's work say; older entries are void."""
        item.entry = next(self._count)
        item.ready = item.at <= now
        if not item.ready:
            heapq.heappush(self._delayed, (item.at, item.entry, item))
            self._arm()
        elif item.key not in self._processing:
            heapq.heappush(self._ready, (-item.priority, item.entry, item))
            self._wake()

    def _next(self) -> _Waiting[K] | None:
        while self._ready:
            _, entry, item = heapq.heappop(self._ready)
            if item.entry == entry:
                return item
        return None

    def _take(self, item: _Waiting[K]) -> K:
        key = item.key
        item.entry = -1
        del self._waiting[key]
        now = _now()
        self._processing[key] = (now, item.priority)
        self.meter.taken(now - item.at)
        return key

    def _arm(self) -> None:
        """Set the timer to the earliest of what waits for its time."""
        while self._delayed and self._delayed[0][2].entry != self._delayed[0][1]:
            heapq.heappop(self._delayed)
        if not self._delayed:
            return
        at = self._delayed[0][0]
        if self._timer is not None:
            if self._timer.when() <= at and not self._timer.cancelled():
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(at, self._due)

    def _due(self) -> None:
        # A timer may fire within the clock's resolution before its time.
        now = _now() if self._timer is None else max(_now(), self._timer.when())
        self._timer = None
        while self._delayed and self._delayed[0][0] <= now:
            _, entry, item = heapq.heappop(self._delayed)
            if item.entry == entry:
                self._place(item, now)
        self._arm()

    def _wake(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return


def _now() -> float:
    return asyncio.get_running_loop().time()
