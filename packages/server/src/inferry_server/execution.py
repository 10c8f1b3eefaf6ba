"""Calls of one model: so many at a time, so many waiting, none that nobody wants.

A quick model is called right here, on the event loop; see `inferry_server.pace`. Any
other call waits for its turn on the loop, where it can be dropped in an instant when
its client leaves or its deadline passes; only then it gets a thread. A call that runs
in a thread cannot be stopped: it keeps its turn until it ends, and its answer is
dropped.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import deque
from collections.abc import Awaitable
from time import perf_counter_ns, thread_time_ns
from typing import TYPE_CHECKING, Any

from inferry.errors import ModelNotReady, Overloaded
from inferry.model import InferResponse
from inferry_server.errors import DeadlineExceeded
from inferry_server.pace import Pace
from inferry_server.steps import END, Steps
from inferry_server.workers import Workers, contained

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from inferry_server.calls import Call

    Function = Callable[[Any], Any]

#: ``async def`` models bound themselves; this only keeps the loop from drowning.
ASYNC_CONCURRENCY = 1024


class Execution:
    """The turns of the model *name*: *concurrency* run, up to *queue_size* wait.

    *trusted* is a model whose time depends on the size of its inputs alone.
    """

    def __init__(
        self, name: str, *, concurrency: int, queue_size: int, trusted: bool = False
    ) -> None:
        self.name = name
        self.concurrency = concurrency
        self.queue_size = queue_size
        self.running = 0
        self.pace = Pace(trusted=trusted)
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

    def call(
        self, function: Function, argument: object, call: Call
    ) -> Any | Awaitable[Any]:  # noqa: ANN401 - what the model gives back
        """Return ``function(argument)``, or what to await for it.

        Cancelling what is awaited drops a call that waits and cancels an ``async def``
        one.

        Raises:
            Overloaded: As many calls wait as may.
            ModelNotReady: The model is being unloaded.
            DeadlineExceeded: Before the answer came.

        """
        call.queued = perf_counter_ns()
        if (
            call.size <= self.pace.limit
            and self.running < self.concurrency
            and not (self._waiting or self._closed)
        ):
            self.running += 1
            try:
                return self._inline(function, argument, call)
            finally:
                self.running -= 1
                if self._waiting:
                    self._next()
        return self._elsewhere(function, argument, call)

    def _inline(self, function: Function, argument: object, call: Call) -> Any:  # noqa: ANN401 - the model's
        call.started = began = perf_counter_ns()
        try:
            if call.context is None:
                answer = function(argument)
            else:
                answer = call.run(function, argument)
        except StopIteration as error:
            raise contained(error) from error
        except Exception:
            raise
        except BaseException as error:
            raise contained(error) from error
        finally:
            call.ended = ended = perf_counter_ns()
            self.pace.ran_inline(ended - began, call.size)
        if type(answer) is not InferResponse and isinstance(answer, Awaitable):
            # from a plain ``def``
            return self._awaited(answer, call)
        return answer

    async def _elsewhere(self, function: Function, argument: object, call: Call) -> Any:  # noqa: ANN401 - the model's
        await self._turn(call.deadline)
        if self.pace.is_inline(call.size):
            try:
                answer = self._inline(function, argument, call)
            finally:
                self._finish()
            return await answer if isinstance(answer, Awaitable) else answer
        is_async = inspect.iscoroutinefunction(function)
        work: asyncio.Future[Any]
        if is_async:
            call.started = perf_counter_ns()
            work = self._await(function(argument), call)
        else:
            timed = _Timed(function, call)
            work = self._workers.submit(timed, argument)
            work.add_done_callback(lambda done: self._ran(done, timed))
        answer = await _unless_late(work, call.deadline, self.name, stop=is_async)
        if not is_async and isinstance(answer, Awaitable):  # from a plain ``def``
            return await self._awaited(answer, call)
        return answer

    async def _awaited(self, answer: Awaitable[Any], call: Call) -> Any:  # noqa: ANN401 - the model's
        self._start()
        work = self._await(answer, call)
        return await _unless_late(work, call.deadline, self.name, stop=True)

    async def stream(
        self, function: Function, argument: object, call: Call
    ) -> AsyncGenerator[Any, None]:
        """Yield what the generator ``function(argument)`` does, in one turn.

        The generator may be plain, which runs in a thread step by step, or async.
        Closing this one closes it.
        """
        call.queued = perf_counter_ns()
        await self._turn(call.deadline)
        call.started = perf_counter_ns()
        context = call.enter()
        steps = Steps(function, argument, self._workers, context)
        try:
            while True:
                step = asyncio.create_task(
                    contained_answer(steps.next()), context=context
                )
                self._tasks.add(step)
                step.add_done_callback(self._tasks.discard)
                answer = await _unless_late(step, call.deadline, self.name, stop=True)
                if answer is END:
                    return
                yield answer
        finally:
            call.ended = perf_counter_ns()
            closing = asyncio.create_task(steps.close(), context=context)
            self._tasks.add(closing)
            closing.add_done_callback(self._ended)

    def _await(self, answer: Awaitable[Any], call: Call) -> asyncio.Task[Any]:
        task = asyncio.create_task(_answered(answer, call), context=call.enter())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

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

    def _start(self) -> None:
        self.running += 1
        self._idle.clear()

    def _finish(self) -> None:
        self.running -= 1
        self._next()

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                self._start()
                turn.set_result(None)
                return
        if not self.running and not self._idle.is_set():
            self._idle.set()

    def _ran(self, done: asyncio.Future[Any], timed: _Timed) -> None:
        """Take back the turn of a call that ran in a thread."""
        if not done.cancelled() and done.exception() is None:
            call = timed.call
            took = call.ended - call.started
            self.pace.ran_in_thread(took, timed.computed, call.size)
        self._finish()

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


class _Timed:
    """A function that writes down when it ran, in the thread where it runs."""

    __slots__ = ("_function", "call", "computed")

    def __init__(self, function: Function, call: Call) -> None:
        self._function = function
        self.call = call
        self.computed = 0

    def __call__(self, argument: object) -> Any:  # noqa: ANN401 - the model's
        self.call.started = perf_counter_ns()
        began = thread_time_ns()
        try:
            return self.call.run(self._function, argument)
        finally:
            self.computed = thread_time_ns() - began
            self.call.ended = perf_counter_ns()


async def _answered(answer: Awaitable[Any], call: Call) -> Any:  # noqa: ANN401 - the model's
    try:
        return await contained_answer(answer)
    finally:
        call.ended = perf_counter_ns()


async def contained_answer(answer: Awaitable[Any]) -> Any:  # noqa: ANN401 - the model's
    """Await *answer*; what would end more than the call becomes an error of it."""
    try:
        return await answer
    except Exception:
        raise
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task and task.cancelling():
            raise  # nobody wants the answer any more
        raise contained(error) from error


async def _unless_late(
    work: asyncio.Future[Any], deadline: float | None, name: str, *, stop: bool
) -> Any:  # noqa: ANN401 - the model's
    """Await *work*, without ending it when this is cancelled; *stop* ends it too."""
    try:
        if deadline is None:
            return await asyncio.shield(work)
        await asyncio.wait({work}, timeout=_left(deadline))
    except asyncio.CancelledError:
        if stop:
            work.cancel()
        raise
    if not work.done():
        if stop:
            work.cancel()
        raise DeadlineExceeded(f"model {name!r} did not answer in time")
    return work.result()


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())
