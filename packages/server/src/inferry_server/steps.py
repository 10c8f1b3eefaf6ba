"""The generator of a model that streams, advanced step by step."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from inferry_server.workers import Workers

#: What `Steps.next` gives when there is no more.
END = object()


class Steps:
    """A generator of the model's, advanced where it may block."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        argument: object,
        workers: Workers,
        context: Context | None,
    ) -> None:
        self._make = (function, argument)
        self._workers = workers
        # Of its own: a thread is in it while the loop may enter the other.
        self._run = _called if context is None else context.copy().run
        self._source: Any = None
        self._busy: asyncio.Future[Any] | None = None

    async def next(self) -> Any:  # noqa: ANN401 - the model's
        """Return what the generator gives next, or `END`."""
        if self._source is None:
            self._source = await self._open()
        if hasattr(self._source, "__anext__"):
            return await anext(self._source, END)
        return await self._in_thread(next, self._source, END)

    async def _open(self) -> Any:  # noqa: ANN401 - any iterator
        function, argument = self._make
        if inspect.isasyncgenfunction(function) or inspect.iscoroutinefunction(
            function
        ):
            source: Any = function(argument)
        else:
            source = await self._in_thread(function, argument)
        if isinstance(source, Awaitable):
            source = await source
        return aiter(source) if hasattr(source, "__aiter__") else iter(source)

    async def _in_thread(self, function: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - the model's
        self._busy = self._workers.submit(self._run, function, *args)
        return await asyncio.shield(self._busy)

    async def close(self) -> None:
        """Close the generator, after the step that runs."""
        if self._busy is not None and not self._busy.done():
            await asyncio.wait({self._busy})
        if hasattr(self._source, "aclose"):
            await self._source.aclose()
        elif hasattr(self._source, "close"):
            await self._workers.submit(self._run, self._source.close)


def _called(function: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - the model's
    return function(*args)
