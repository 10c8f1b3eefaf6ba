"""Threads that never hold up the end of the process.

`concurrent.futures` joins its threads when the interpreter ends; a model that hangs in
native code would then keep a drained server alive for ever. These are daemon threads.
"""

from __future__ import annotations

import asyncio
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    Job = tuple[
        asyncio.AbstractEventLoop,
        asyncio.Future[Any],
        Callable[..., Any],
        tuple[Any, ...],
    ]

T = TypeVar("T")


class Workers:
    """At most *size* threads, started when they are first needed."""

    def __init__(self, name: str, size: int = 1) -> None:
        self._name = name
        self._size = size
        self._threads: list[Thread] = []
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()

    def submit(self, function: Callable[..., T], *args: object) -> asyncio.Future[T]:
        """Call *function* in a thread; the future belongs to the running loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put((loop, future, function, args))
        if len(self._threads) < self._size:
            name = f"{self._name}-{len(self._threads)}"
            thread = Thread(target=_work, args=(self._jobs,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def close(self) -> None:
        """Let the threads end once they are through with what they have."""
        for _ in self._threads:
            self._jobs.put(None)


async def in_thread(name: str, function: Callable[..., T], *args: object) -> T:
    """Call *function* in a thread of its own."""
    workers = Workers(name)
    try:
        return await workers.submit(function, *args)
    finally:
        workers.close()


def _work(jobs: SimpleQueue[Job | None]) -> None:
    while (job := jobs.get()) is not None:
        loop, future, function, args = job
        result: Any = None
        error: Exception | None = None
        try:
            result = function(*args)
        except BaseException as raised:  # noqa: BLE001 - it is the caller's
            error = contained(raised)
        try:
            loop.call_soon_threadsafe(partial(_settle, future, result, error))
        except RuntimeError:  # the loop is closed: nobody waits any more
            return
        # An idle thread must not keep a request's tensors alive.
        del job, future, function, args, result, error


def contained(error: BaseException) -> Exception:
    """Return *error* as one that a future can carry and that does not end the loop."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    wrapped = RuntimeError(f"{type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped


def _settle(
    future: asyncio.Future[Any], result: object, error: Exception | None
) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
