"""Calls of one model by OpenAI's routes: each counted, none that nobody wants.

Such a model bounds itself, so its calls take no turns; what is kept here is that a
deadline and an unload end them.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, cast

from inferry.errors import InferenceError, ModelNotReady, Overloaded
from inferry.openai import InvalidParameter
from inferry_server.errors import DeadlineExceeded
from inferry_server.execution import ASYNC_CONCURRENCY, contained_answer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Mapping

    from inferry.openai import Answer, Answerer
    from inferry_server.calls import Call

#: What `anext` gives when there is no more.
_END = object()
#: What calls that were told to stop have to do so, in seconds.
_LAST_SECONDS = 1.0


class OpenAICalls:
    """Calls of the *answerers* of the model *name*, so many at a time."""

    def __init__(self, name: str, answerers: Mapping[str, Answerer]) -> None:
        self.name = name
        self._answerers = answerers
        self.running = 0
        self._steps: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = self._stopped = False

    def __bool__(self) -> bool:
        return bool(self._answerers)

    async def answer(
        self, operation: str, body: Mapping[str, Any], call: Call
    ) -> Answer:
        """Return what the model answers to *body*; a stream is to be closed.

        Raises:
            InvalidParameter: The model has no such *operation*.
            Overloaded: Far too many calls run.
            ModelNotReady: The model is being unloaded.
            DeadlineExceeded: Before the answer came.

        """
        answerer = self._answerers.get(operation)
        if answerer is None:
            raise InvalidParameter(self._has(operation), param="model")
        self._begin(call)
        answer: Answer | None = None
        try:
            answer = await self._step(answerer(body), call)
        finally:
            if not _is_stream(answer):
                self._end(call)
        if not _is_stream(answer):
            return cast("Mapping[str, Any]", answer)
        return self._stream(cast("AsyncGenerator[Any, None]", answer), call)

    def _has(self, operation: str) -> str:
        known = ", ".join(sorted(self._answerers))
        has = f"it answers {known}" if known else "it has none of OpenAI's operations"
        return f"model {self.name!r} does not answer {operation}; {has}"

    async def _stream(
        self, answers: AsyncGenerator[Any, None], call: Call
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        try:
            async with aclosing(answers):
                while True:
                    chunk = await self._step(anext(answers, _END), call)
                    if chunk is _END:
                        return
                    yield chunk
        finally:
            self._end(call)

    def _begin(self, call: Call) -> None:
        if self._closed:
            raise self._unloaded()
        if self.running >= ASYNC_CONCURRENCY:
            raise Overloaded(
                f"model {self.name!r} is busy: {self.running} requests run; try again "
                "later"
            )
        self.running += 1
        self._idle.clear()
        call.queued = call.started = perf_counter_ns()

    def _end(self, call: Call) -> None:
        call.ended = perf_counter_ns()
        self.running -= 1
        if not self.running:
            self._idle.set()

    async def _step(self, work: Awaitable[Any], call: Call) -> Any:  # noqa: ANN401 - the model's
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._steps.add(task)
        try:
            if self._stopped:
                _drop(work)
                raise self._unloaded()
            if call.deadline is None:
                return await contained_answer(work)
            return await self._in_time(work, call.deadline)
        except asyncio.CancelledError:
            if not self._stopped:
                raise
            task.uncancel()
            raise self._unloaded() from None
        finally:
            self._steps.discard(task)

    async def _in_time(self, work: Awaitable[Any], deadline: float) -> Any:  # noqa: ANN401 - the model's
        limit = asyncio.timeout(max(0.0, deadline - time.monotonic()))
        try:
            async with limit:
                return await contained_answer(work)
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeadlineExceeded(
                f"model {self.name!r} did not answer in time"
            ) from None

    def _unloaded(self) -> ModelNotReady:
        return ModelNotReady(f"model {self.name!r} is being unloaded")

    async def close(self, patience: float | None) -> bool:
        """Refuse new calls and stop, after *patience* seconds, those there are."""
        self._closed = True
        if await self._is_idle(patience):
            return True
        self._stopped = True
        for task in self._steps:
            task.cancel()
        return await self._is_idle(_LAST_SECONDS)

    async def _is_idle(self, patience: float | None) -> bool:
        try:
            async with asyncio.timeout(patience):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True


def checked_answerers(instance: object, name: str) -> Mapping[str, Answerer]:
    """Return the ``openai`` attribute of *instance*, empty where it has none.

    Raises:
        InferenceError: It is no mapping.

    """
    found: Any = getattr(instance, "openai", None)
    if found is None:
        return {}
    if not hasattr(found, "get") or not hasattr(found, "keys"):
        raise InferenceError(
            f"model {name!r}: its attribute openai is {type(found).__name__}, expected "
            "a mapping from operations to functions"
        )
    return cast("Mapping[str, Answerer]", found)


def _is_stream(answer: object) -> bool:
    return hasattr(answer, "__anext__")


def _drop(work: object) -> None:
    close = getattr(work, "close", None)
    if close is not None:  # of a coroutine, which would complain to be never awaited
        close()
