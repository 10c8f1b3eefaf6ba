"""Threads of one download: made when they are needed, gone when it is over.

They are daemons: one that waits for a server which says nothing must not keep the
process alive, and cannot be woken. `Pulse` takes its pen away instead.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_Job = tuple["asyncio.Future[Any]", "Callable[[], Any]"]
#: A thread that writes ends within milliseconds; one that waits may not.
_GOODBYES, _GOODBYE_SECONDS = 400, 0.005


class Abandoned(Exception):
    """Nobody waits for this thread any more."""


class Pulse:
    """What one thread has moved, and whether anybody still wants it."""

    def __init__(self) -> None:
        self.moved = 0  # by its own thread alone
        self._stopped = False
        self._writing = threading.Lock()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold off `stop` while something is taken in or written.

        Raises:
            Abandoned: Nobody wants it any more.

        """
        with self._writing:
            if self._stopped:
                raise Abandoned
            yield

    @property
    def is_writing(self) -> bool:
        """Say whether it is the disk that is waited for."""
        return self._writing.locked()

    def stop(self) -> None:
        """Let the thread write nothing from now on."""
        with self._writing:
            self._stopped = True


class Threads:
    """As many threads as there are calls at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._all: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._free = 0

    def call(self, function: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Call *function* in a thread."""
        future: asyncio.Future[T] = self._loop.create_future()
        with self._lock:
            is_more_needed = self._free == 0
            self._free -= not is_more_needed
        self._jobs.put((future, lambda: function(*args)))
        if is_more_needed:
            self._all.append(threading.Thread(target=self._work, daemon=True))
            self._all[-1].name = "inferry-transfer"
            self._all[-1].start()
        return future

    async def close(self) -> None:
        """Let the threads end; one that hangs is left to itself."""
        for _ in self._all:
            self._jobs.put(None)
        for _ in range(_GOODBYES):
            if not any(each.is_alive() for each in self._all):
                return
            await asyncio.sleep(_GOODBYE_SECONDS)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, function = job
            del job
            try:
                result, error = function(), None
            except BaseException as raised:  # noqa: BLE001 - it goes to the caller
                result, error = None, raised
            del function
            with self._lock:
                self._free += 1
            try:
                self._loop.call_soon_threadsafe(_settle, future, result, error)
            except RuntimeError:
                # The loop is closed: an abandoned call has come to its end.
                return
            del future, result, error


def _settle(
    future: asyncio.Future[Any], result: object, error: BaseException | None
) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
