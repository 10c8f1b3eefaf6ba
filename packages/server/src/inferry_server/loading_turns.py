"""How many models load at the same time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

#: Loading takes a core and more memory than serving does.
_AT_ONCE = 4
#: Seconds after which a load no longer keeps others from theirs: it may hang.
_PATIENCE = 5.0


class LoadingTurns:
    """Lets so many loads run at once, not counting those that take long."""

    def __init__(self, at_once: int = _AT_ONCE, patience: float = _PATIENCE) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._patience = patience

    async def run(self, load: Callable[[], Awaitable[T]]) -> T:
        """Return what *load* does, once it is its turn."""
        await self._free.acquire()
        turn = _Turn(self._free)
        loop = asyncio.get_running_loop()
        taking_long = loop.call_later(self._patience, turn.end)
        try:
            return await load()
        finally:
            taking_long.cancel()
            turn.end()


class _Turn:
    """One of the places; it is given back once, whoever comes first."""

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free: asyncio.Semaphore | None = free

    def end(self) -> None:
        if self._free is not None:
            self._free.release()
            self._free = None
