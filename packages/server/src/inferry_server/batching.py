"""Requests merged into one call of a model whose rows are independent of each other.

A model that is idle starts at once, with all that one turn of the event loop brought:
nobody waits for others who may never come. While it runs, requests gather, and those
that fit together start together when it is done. Who sends does not notice: each
request gets its own rows, its own error, and its own end when its client leaves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from inferry.errors import InferenceError, ModelNotReady, Overloaded
from inferry_server import rows
from inferry_server.calls import Call
from inferry_server.codec import signature
from inferry_server.errors import DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from inferry.model import InferRequest, InferResponse
    from inferry_server.states import Batching

    Run = Callable[[InferRequest, Call], Any | Awaitable[Any]]

_log = logging.getLogger(__name__)
#: Errors about the model's state or time, which a second try would only repeat.
_FINAL = (DeadlineExceeded, ModelNotReady, Overloaded)


class _Item:
    """One request that waits or runs."""

    __slots__ = ("call", "future", "request", "rows", "since")

    def __init__(
        self, request: InferRequest, call: Call, future: asyncio.Future[InferResponse]
    ) -> None:
        self.request = request
        self.call = call
        self.future = future
        self.rows = rows.row_count(request)
        self.since = time.monotonic()


class _Group:
    """Requests that may be merged, in the order in which they came."""

    __slots__ = ("items", "lone", "rows")

    def __init__(self, *, lone: bool) -> None:
        self.items: list[_Item] = []
        self.rows = 0
        self.lone = lone

    def add(self, item: _Item) -> None:
        self.items.append(item)
        self.rows += item.rows

    def take(self, most: int) -> list[_Item]:
        """Remove and return the next requests, of *most* rows together, that live."""
        taken: list[_Item] = []
        total = 0
        seen = 0
        for item in self.items:
            if not item.future.done():
                if taken and total + item.rows > most:
                    break
                taken.append(item)
                total += item.rows
            seen += 1
            self.rows -= item.rows
        del self.items[:seen]
        return taken


class Batcher:
    """Merges requests for the model *name*, which *run* answers in its turn.

    *run* returns what the model gives back, or what to await for it; up to
    *concurrency* calls of it at one time. At most *queue_size* requests wait.
    """

    def __init__(
        self,
        name: str,
        run: Run,
        batching: Batching,
        *,
        concurrency: int = 1,
        queue_size: int = 256,
    ) -> None:
        self.name = name
        self.queue_size = queue_size
        #: A model that once broke its promise to be row-wise is called singly.
        self.merges = True
        self._run = run
        self._batching = batching
        self._concurrency = concurrency
        self._groups: dict[Hashable, _Group] = {}
        self._running = 0
        self._next: asyncio.Handle | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._works: set[asyncio.Future[Any]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many requests wait, those that nobody wants any more included."""
        return sum(len(group.items) for group in self._groups.values())

    def submit(
        self, request: InferRequest, call: Call
    ) -> asyncio.Future[InferResponse]:
        """Return the future of the response; cancelling it drops the request.

        Raises:
            ModelNotReady: The model is being unloaded.
            Overloaded: As many requests wait as may.

        """
        if self._closed:
            raise ModelNotReady(f"model {self.name!r} is being unloaded")
        self._check_room()
        loop = asyncio.get_running_loop()
        item = _Item(request, call, loop.create_future())
        call.queued = perf_counter_ns()
        if call.deadline is not None:
            left = max(0.0, call.deadline - item.since)
            timer = loop.call_later(left, self._expire, item)
            item.future.add_done_callback(lambda _: timer.cancel())
        self._add(item)
        self._idle.clear()
        if self._running < self._concurrency:
            self._soon()
        return item.future

    def _check_room(self) -> None:
        if self.waiting < self.queue_size:
            return
        for key, group in list(self._groups.items()):
            group.items = [item for item in group.items if not item.future.done()]
            group.rows = sum(item.rows for item in group.items)
            if not group.items:
                del self._groups[key]
        if self.waiting >= self.queue_size:
            raise Overloaded(
                f"model {self.name!r} is busy: {self._running} batches run and "
                f"{self.waiting} requests wait; try again later"
            )

    def _add(self, item: _Item, *, lone: bool = False) -> None:
        key = None if lone or not self._may_merge(item) else rows.key_of(item.request)
        if key is None:
            self._groups[item] = group = _Group(lone=True)
        else:
            found = self._groups.get(key)
            group = found or self._groups.setdefault(key, _Group(lone=False))
        group.add(item)

    def _may_merge(self, item: _Item) -> bool:
        return self.merges and 0 < item.rows < self._batching.max_size

    def _expire(self, item: _Item) -> None:
        if item.future.done():
            return
        text = f"model {self.name!r} was busy until the request's time was over; "
        error = DeadlineExceeded(text + "it was not started")
        if item.call.started:
            error = DeadlineExceeded(f"model {self.name!r} did not answer in time")
        item.future.set_exception(error)

    def _soon(self) -> None:
        if self._next is None:
            self._next = asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Start what may start now; see to it that the rest is looked at again."""
        self._next = None
        while self._running < self._concurrency and self._groups:
            key = self._due()
            if key is None:
                break
            group = self._groups[key]
            batch = group.take(self._batching.max_size)
            if not group.items:
                del self._groups[key]
            if batch:
                self._start(batch)
        if not self._groups and not self._running:
            self._idle.set()

    def _due(self) -> Hashable | None:
        """Return the key of the oldest group that need not wait, None if all must."""
        now = time.monotonic()
        delay = self._batching.max_delay
        soonest = None
        oldest = sorted(self._groups.items(), key=lambda pair: pair[1].items[0].since)
        for key, group in oldest:
            if not self._running or group.lone:
                return key
            due = group.items[0].since + delay
            if group.rows >= self._batching.max_size or due <= now:
                return key
            soonest = due if soonest is None else min(soonest, due)
        if soonest is not None:
            self._wake(soonest - now)
        return None

    def _wake(self, seconds: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_later(seconds, self._soon)

    def _start(self, batch: Sequence[_Item]) -> None:
        self._running += 1
        try:
            request, call = self._merged(batch)
            answer = self._run(request, call)
        except Exception as error:  # noqa: BLE001 - each becomes its request's answer
            self._failed(batch, error)
            self._finished()
            return
        if isinstance(answer, Awaitable):
            work = asyncio.ensure_future(answer)
            self._works.add(work)
            work.add_done_callback(partial(self._done, batch, call))
            _Watch(work, batch)
            return
        self._answered(batch, answer, call)
        self._finished()

    def _merged(self, batch: Sequence[_Item]) -> tuple[InferRequest, Call]:
        """Return the request and the call that stand for *batch*."""
        now = perf_counter_ns()
        total = sum(item.rows for item in batch)
        for item in batch:
            item.call.started = now
            item.call.batch = total
        first = batch[0]
        deadlines = [item.call.deadline for item in batch]
        call = Call(
            first.call.protocol,
            first.call.headers,
            deadline=None if None in deadlines else max(filter(None, deadlines)),
        )
        call.rows = call.batch = total
        # What user code logs and traces can belong to one of the requests only.
        call.context, call.trace = first.call.context, first.call.trace
        call.size = sum(item.call.size for item in batch)
        if len(batch) == 1:
            return first.request, call
        return rows.merge([item.request for item in batch]), call

    def _done(
        self, batch: Sequence[_Item], call: Call, work: asyncio.Future[Any]
    ) -> None:
        self._works.discard(work)
        if work.cancelled():
            for item in batch:
                item.future.cancel()
        elif error := work.exception():
            self._failed(batch, error, call)
        else:
            self._answered(batch, work.result(), call)
        self._finished()

    def _finished(self) -> None:
        self._running -= 1
        if self._groups:
            self._soon()
        elif not self._running:
            self._idle.set()

    def _answered(self, batch: Sequence[_Item], answer: object, call: Call) -> None:
        try:
            response = signature.check_response(answer, self.name)
            parts = [response]
            if len(batch) > 1:
                parts = self._split(response, batch)
        except Exception as error:  # noqa: BLE001 - each becomes its request's answer
            self._failed(batch, error, call)
            return
        for item, part in zip(batch, parts, strict=True):
            _stamp(item.call, call)
            if not item.future.done():
                item.future.set_result(part)

    def _split(
        self, response: InferResponse, batch: Sequence[_Item]
    ) -> list[InferResponse]:
        try:
            return rows.split(response, [item.rows for item in batch], self.name)
        except InferenceError as error:
            if self.merges:
                _log.error("%s; its requests are no longer merged", error)
            self.merges = False
            raise

    def _failed(
        self, batch: Sequence[_Item], error: BaseException, call: Call | None = None
    ) -> None:
        """Try the requests of a failed *batch* one by one: one of them may be bad."""
        alive = [item for item in batch if not item.future.done()]
        if len(batch) > 1 and not isinstance(error, _FINAL):
            for item in alive:
                item.call.started = 0
                self._add(item, lone=True)
            return
        for item in batch:
            if call is not None:
                _stamp(item.call, call)
            if not item.future.done():
                item.future.set_exception(error)

    async def close(self, patience: float | None = None) -> bool:
        """Refuse new requests and wait for those there are; False if some are left."""
        self._closed = True
        try:
            async with asyncio.timeout(patience):
                await self._idle.wait()
        except TimeoutError:
            self._drop()
            return False
        finally:
            if self._alarm is not None:
                self._alarm.cancel()
        return True

    def _drop(self) -> None:
        error = ModelNotReady(f"model {self.name!r} is being unloaded")
        for group in self._groups.values():
            for item in group.items:
                if not item.future.done():
                    item.future.set_exception(error)
        self._groups.clear()


class _Watch:
    """Cancels the work of a batch once none of its requests is wanted any more."""

    __slots__ = ("_left", "_work")

    def __init__(self, work: asyncio.Future[Any], batch: Sequence[_Item]) -> None:
        self._work = work
        self._left = len(batch)
        for item in batch:
            item.future.add_done_callback(self._gone)

    def _gone(self, _: asyncio.Future[InferResponse]) -> None:
        self._left -= 1
        if not self._left:
            self._work.cancel()  # which does nothing to work that is done


def _stamp(own: Call, merged: Call) -> None:
    own.started = merged.started or own.started
    own.ended = merged.ended or perf_counter_ns()
