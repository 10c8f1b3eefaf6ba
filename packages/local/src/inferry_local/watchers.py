"""Tell any number of readers which services have changed, none of them twice."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Changes within this time are told as one: progress comes in bursts.
SETTLE_SECONDS = 0.02


class Watcher:
    """One reader's set of services it has not seen since they changed."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = dict.fromkeys(names)
        self._some = asyncio.Event()
        if self._names:
            self._some.set()

    def add(self, name: str) -> None:
        """Remember that *name* has changed."""
        self._names[name] = None
        self._some.set()

    async def next(self) -> list[str]:
        """Wait for changes and return what has changed, in order."""
        await self._some.wait()
        await asyncio.sleep(SETTLE_SECONDS)
        names = list(self._names)
        self._names.clear()
        self._some.clear()
        return names


class Watchers:
    """All readers; a slow one costs a set of names, never a queue."""

    def __init__(self) -> None:
        self._all: set[Watcher] = set()

    def changed(self, name: str) -> None:
        """Tell everybody."""
        for watcher in self._all:
            watcher.add(name)

    @contextmanager
    def watch(self, names: Iterable[str]) -> Iterator[Watcher]:
        """Watch while the context lasts; *names* count as changed at first."""
        watcher = Watcher(names)
        self._all.add(watcher)
        try:
            yield watcher
        finally:
            self._all.discard(watcher)
