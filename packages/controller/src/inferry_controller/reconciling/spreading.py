"""`Spreading`: the services that a changed world concerns, while others go on.

Of 10,000 services each record is read to tell; the loop goes round meanwhile.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from inferry_controller.kube.queue import RESYNC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inferry_controller.kube.queue import Queue
    from inferry_controller.reconciling.stored import StoredService

#: Below a user's edit, above what a list brings.
CHANGED_WORLD = RESYNC + 50
#: Seconds of looking before others get their turn.
_SLICE = 0.003


class Spreading:
    """Queues those of *services* that a change concerns; `run` is to be run."""

    def __init__(self, services: Iterable[StoredService], queue: Queue[str]) -> None:
        self._services = services
        self._queue = queue
        self._changed: set[str] = set()
        self._news = asyncio.Event()

    def changed(self, namespace: str) -> None:
        """Note that something changed for *namespace*; empty: for all."""
        self._changed.add(namespace)
        self._news.set()

    async def run(self, is_concerned: Callable[[StoredService], bool]) -> None:
        """Look at the services after each change, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            changed, self._changed = self._changed, set()
            await self._look(changed, is_concerned)

    async def _look(
        self, changed: set[str], is_concerned: Callable[[StoredService], bool]
    ) -> None:
        clock = asyncio.get_running_loop().time
        until = clock() + _SLICE
        for service in self._services:
            elsewhere = changed.isdisjoint({"", service.namespace})
            if not elsewhere and is_concerned(service):
                self._queue.add(service.key, priority=CHANGED_WORLD)
            if clock() > until:
                await asyncio.sleep(0)
                until = clock() + _SLICE
