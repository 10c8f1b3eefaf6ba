"""Coroutines that take keys from a queue and reconcile them.

What a reconcile gives back means what it means in controller-runtime: nothing is
success; `Result.after` asks for another look; an error is repeated with back-off;
`Terminal` is an error that only a change can mend.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from inferry.errors import InferryError, one_line
from inferry_controller.kube.errors import ApiError, Conflict
from inferry_controller.kube.logs import bound
from inferry_controller.kube.queue import ShutDown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from inferry_controller.kube.queue import Queue

_log = logging.getLogger(__name__)

#: Reconciles at a time: coroutines of one loop, which wait for the network.
WORKERS = 16
#: Seconds of reconciles that waited for nothing, before others get their turn: without
#: it 10,000 services with nothing to do held the loop for 0.6 s, and a user's edit.
_SLICE = 0.001
#: Seconds after which a reconcile is cancelled and repeated.
PATIENCE = 120.0

K = TypeVar("K", bound="Hashable")


@dataclass(frozen=True, slots=True)
class Result:
    """What a reconcile that did not fail asks for: a look *after* so many seconds."""

    after: float | None = None


class Terminal(InferryError):
    """Repeating would fail in the same way: wait for a change of the object."""


class WorkMeter(Protocol):
    """What is told of reconciles; see `inferry_controller.kube.metrics`."""

    def began(self) -> None:
        """A worker is busy."""

    def ended(self, result: str, seconds: float) -> None:
        """It ended: success, requeue_after, error, terminal, timeout or panic."""


class Workers(Generic[K]):
    """Reconciles the keys of one queue, *count* at a time."""

    def __init__(
        self,
        queue: Queue[K],
        reconcile: Callable[[K], Awaitable[Result | None]],
        *,
        name: str,
        count: int = WORKERS,
        timeout: float = PATIENCE,
        meter: WorkMeter | None = None,
    ) -> None:
        self.queue = queue
        self.name = name
        self.count = count
        self.meter = meter
        self._reconcile = reconcile
        self._timeout = timeout
        self._turn = asyncio.Lock()
        self._until = 0.0

    async def run(self) -> None:
        """Work until the queue is shut down and what was begun has ended."""
        async with asyncio.TaskGroup() as group:
            for number in range(self.count):
                group.create_task(self._work(), name=f"{self.name} {number}")

    async def _work(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self._rest(clock)
            try:
                key = await self.queue.get()
            except ShutDown:
                return
            started = clock()
            if self.meter is not None:
                self.meter.began()
            outcome = "cancelled"
            try:
                with bound(self.name, key):
                    outcome = await self._one(key)
            finally:
                self.queue.done(key)
                if self.meter is not None:
                    self.meter.ended(outcome, clock() - started)

    async def _rest(self, clock: Callable[[], float]) -> None:
        """Let the loop go round after each slice, whoever of the workers had it.

        The most urgent key is taken after it, so an edit waits for one slice.
        """
        if clock() < self._until:
            return
        async with self._turn:  # one slice per round of the loop, not one per worker
            if clock() >= self._until:
                await asyncio.sleep(0)
                self._until = clock() + _SLICE

    async def _one(self, key: K) -> str:
        """Reconcile *key* once; return what became of it."""
        try:
            async with asyncio.timeout(self._timeout) as limit:
                result = await self._reconcile(key)
        except Terminal as error:
            _log.warning("reconciling failed for good: %s", error)
            self.queue.forget(key)
            return "terminal"
        except (InferryError, OSError) as error:  # TimeoutError is an OSError
            if not limit.expired():
                self._failed(key, error)
                return "error"
            self._failed(key, TimeoutError(f"more than {self._timeout:g} s"))
            return "timeout"
        except Exception:  # noqa: BLE001 - one bad object, not the others
            # One trace is enough: the repetitions would only bury it.
            first = not self.queue.failures(key)
            _log.error("reconciling failed by a defect", exc_info=first)
            self.queue.retry(key)
            return "panic"
        return self._succeeded(key, result)

    def _succeeded(self, key: K, result: Result | None) -> str:
        self.queue.forget(key)
        if result is None or result.after is None:
            return "success"
        priority = self.queue.priority_of(key)
        self.queue.add(key, after=result.after, priority=priority)
        return "requeue_after"

    def _failed(self, key: K, error: Exception) -> None:
        after = error.retry_after if isinstance(error, ApiError) else None
        self.queue.retry(key, at_least=after or 0.0)
        # A conflict is what two writers look like, not a fault.
        level = logging.INFO if isinstance(error, Conflict) else logging.WARNING
        failures = self.queue.failures(key)
        said = error if isinstance(error, InferryError) else one_line(error)
        _log.log(level, "reconciling failed (%d in a row): %s", failures, said)
