"""Calls of one model: so many at a time, so many waiting, none that nobody wants.

A call waits for its turn on the event loop, where it can be dropped in an instant when
its client leaves or its deadline passes; only then it gets a thread. A call that runs
in a thread cannot be stopped: it keeps its turn until it ends, and its answer is
dropped.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from inferry.errors import ModelNotReady, Overloaded
from inferry_server.errors import DeadlineExceeded
from inferry_server.workers import Workers, contained

if TYPE_CHECKING:
    from collections.abc import Callable

#: ``async def`` models bound themselves; this only keeps the loop from drowning.
ASYNC_CONCURRENCY = 1024


class Execution:
    """The turns of the model *name*: *concurrency* run, up to *queue_size* wait."""

    def __init__(
        self,
        name: str,
        *,
        concurrency: int,
        queue_size: int,
        observe_wait: Callable[[float], None] | None = None,
    ) -> None:
        self.name = name
        self.concurrency = concurrency
        self.queue_size = queue_size
        self.running = 0
        self._observe_wait = observe_wait
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._workers = Workers(f"inferry-{name}", concurrency)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return len(self._waiting)

    async def call(
        self,
        function: Callable[[Any], Any],
        argument: object,
        *,
        deadline: float | None = None,
    ) -> Any:  # noqa: ANN401 - what the model gives back
        """Return ``function(argument)``, awaited if it is awaitable.

        ``deadline`` is a time of `time.monotonic`. Cancelling drops a call that waits
        and cancels an ``async def`` one.

        Raises:
            Overloaded: As many calls wait as may.
            DeadlineExceeded: Before the answer came.

        """
        await self._turn(deadline)
        is_async = inspect.iscoroutinefunction(function)
        task = asyncio.create_task(self._run(function, argument, is_async=is_async))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        try:
            await asyncio.wait({task}, timeout=_left(deadline))
        except asyncio.CancelledError:
            _abandon(task, is_async=is_async)
            raise
        if not task.done():
            _abandon(task, is_async=is_async)
            raise DeadlineExceeded(f"model {self.name!r} did not answer in time")
        return task.result()

    async def _turn(self, deadline: float | None) -> None:
        if self._closed:
            raise ModelNotReady(f"model {self.name!r} is being unloaded")
        if self.running < self.concurrency and not self._waiting:
            self._start()
            return
        if len(self._waiting) >= self.queue_size:
            raise Overloaded(
                f"model {self.name!r} is busy: {self.running} requests run and "
                f"{len(self._waiting)} wait; try again later"
            )
        await self._wait(deadline)

    async def _wait(self, deadline: float | None) -> None:
        began = time.monotonic()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(_left(deadline)):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._finish()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise DeadlineExceeded(
                    f"model {self.name!r} was busy until the request's time was over; "
                    "it was not started"
                ) from None
            raise
        finally:
            if self._observe_wait is not None:
                self._observe_wait(time.monotonic() - began)

    def _start(self) -> None:
        self.running += 1
        self._idle.clear()

    def _finish(self) -> None:
        self.running -= 1
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                self._start()
                turn.set_result(None)
                return
        if not self.running:
            self._idle.set()

    async def _run(
        self, function: Callable[[Any], Any], argument: object, *, is_async: bool
    ) -> Any:  # noqa: ANN401 - what the model gives back
        try:
            if is_async:
                return await function(argument)
            result = await self._workers.submit(function, argument)
            return await result if inspect.isawaitable(result) else result
        except (SystemExit, KeyboardInterrupt) as error:
            raise contained(error) from error

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # an abandoned call's error is nobody's
        self._finish()

    async def close(self, patience: float | None = None) -> bool:
        """Refuse new calls and wait for those there are; False if some still run."""
        self._closed = True
        try:
            async with asyncio.timeout(patience):
                await self._idle.wait()
        except TimeoutError:
            return False
        finally:
            self._workers.close()
        return True


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _abandon(task: asyncio.Task[Any], *, is_async: bool) -> None:
    if is_async:
        task.cancel()
