"""One thread that runs an encoder for whoever asks, many requests in one batch.

Requests that come while the model runs are answered together in its next turns: rows
of like length side by side, each turn of bounded size, and every request gets its share
of each turn, so that a large one does not hold up the small ones.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import (
    InferenceError,
    InferryError,
    ModelNotReady,
    Overloaded,
    one_line,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from inferry_runtime_huggingface.encoding import Encoding, Row, Texts, TokenIds

__all__ = ["Answers", "Limits", "Worker"]

logger = logging.getLogger(__name__)

#: How many rows of one request are taken before the next one's.
_SHARE = 32
_CLOSING = 30.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much the model computes at once, and how much may wait for it.

    ``tokens`` counts a batch with its padding, which costs as much as the text does.
    Without ``padding``, all rows of a batch have the same length.
    """

    tokens: int = 4096
    rows: int = 64
    padding: bool = True
    waiting: int = 16384


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the rows of one request, in their order."""

    rows: Sequence[Row]
    results: Sequence[Any]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many tokens each row has, without padding."""
        return tuple(len(row.ids) for row in self.rows)

    @property
    def cut(self) -> int:
        """How many texts were too long and were cut."""
        return sum(row.cut for row in self.rows)


class _Job:
    """One request: what is left of it, and who waits for it."""

    __slots__ = ("done", "future", "given", "left", "loop", "results", "rows", "size")

    def __init__(self, given: Texts | TokenIds, size: int) -> None:
        self.given = given
        self.size = size
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Answers] = self.loop.create_future()
        self.done = False
        self.rows: list[Row] = []
        self.results: list[Any] = []
        self.left: list[int] = []

    def prepare(self, rows: list[Row]) -> None:
        self.rows = rows
        self.results = [None] * len(rows)
        # The end is taken first: the short ones, which are soonest done.
        self.left = sorted(range(len(rows)), key=lambda i: -len(rows[i].ids))


class Worker:
    """Runs *compute* on batches of rows that *encoding* makes, in a thread of its own.

    *compute* returns one result for each row that it gets.
    """

    def __init__(
        self,
        encoding: Encoding,
        compute: Callable[[Sequence[Row]], Sequence[Any]],
        *,
        limits: Limits | None = None,
        name: str = "inferry-encoder",
    ) -> None:
        self._encoding = encoding
        self._compute = compute
        self._limits = limits or Limits()
        self._new: deque[_Job] = deque()
        self._jobs: deque[_Job] = deque()
        self._waiting = 0
        self._batches = self._tokens = self._padded = 0
        self._closed = False
        self._fatal = ""
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def why_unhealthy(self) -> str:
        """What keeps it from computing ever again; empty while it can."""
        return self._fatal

    def metrics(self) -> Mapping[str, float]:
        """Return what waits and what was computed since the start."""
        return {
            "waiting_rows": float(self._waiting),
            "batches_total": float(self._batches),
            "tokens_total": float(self._tokens),
            "padding_tokens_total": float(self._padded - self._tokens),
        }

    def submit(self, given: Texts | TokenIds) -> asyncio.Future[Answers]:
        """Return the future of the answers; cancelling it drops what has not begun.

        Raises:
            ModelNotReady: The model is unloaded.
            Overloaded: Too much waits already.

        """
        size = len(given.ids if hasattr(given, "ids") else given.texts)
        job = _Job(given, size)
        with self._wake:
            if self._closed:
                raise ModelNotReady("the model is unloaded")
            if self._waiting and self._waiting + size > self._limits.waiting:
                raise Overloaded(
                    f"the model is busy: {self._waiting} texts wait; try again later"
                )
            self._waiting += size
            self._new.append(job)
            self._wake.notify()
        return job.future

    def close(self) -> None:
        """End the thread; whatever still waits fails."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(_CLOSING)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not (self._new or self._jobs or self._closed):
                    self._wake.wait()
                fresh, closed = list(self._new), self._closed
                self._new.clear()
            if closed:
                self._abandon(fresh)
                return
            for job in fresh:
                self._prepare(job)
            for batch in self._batches_of(self._turn()):
                self._answer(batch)

    def _abandon(self, fresh: Sequence[_Job]) -> None:
        for job in (*fresh, *self._jobs):
            self._finish(job, ModelNotReady("the model is unloaded"))
        self._jobs.clear()

    def _prepare(self, job: _Job) -> None:
        try:
            job.prepare(self._encoding.rows(job.given))
        except Exception as error:  # noqa: BLE001 - it becomes the request's answer
            self._finish(job, _worded(error))
            return
        if job.rows:
            self._jobs.append(job)
        else:
            self._finish(job)

    def _turn(self) -> list[tuple[_Job, int]]:
        """Take rows of all requests in turn, about two batches full."""
        taken: list[tuple[_Job, int]] = []
        room = 2 * self._limits.tokens
        while self._jobs and room > 0:
            job = self._jobs.popleft()
            if job.future.cancelled():
                self._finish(job)
                continue
            for _ in range(_SHARE):
                if not job.left or room <= 0:
                    break
                index = job.left.pop()
                room -= len(job.rows[index].ids)
                taken.append((job, index))
            if job.left:
                self._jobs.append(job)
        return taken

    def _batches_of(
        self, taken: list[tuple[_Job, int]]
    ) -> list[list[tuple[_Job, int]]]:
        """Part *taken* into batches of like length, the short ones first."""
        taken.sort(key=_length)
        batches: list[list[tuple[_Job, int]]] = []
        for each in taken:
            if not batches or self._ends(batches[-1], _length(each)):
                batches.append([])
            batches[-1].append(each)
        return batches

    def _ends(self, batch: Sequence[tuple[_Job, int]], length: int) -> bool:
        """Say whether *batch* takes no row of *length*, the longest by now."""
        size = len(batch) + 1
        full = size > self._limits.rows or size * length > self._limits.tokens
        return full or not (self._limits.padding or _length(batch[0]) == length)

    def _answer(self, batch: Sequence[tuple[_Job, int]]) -> None:
        batch = [each for each in batch if not each[0].done]
        if not batch:
            return
        rows = [job.rows[index] for job, index in batch]
        try:
            results = self._compute(rows)
        except Exception as error:  # noqa: BLE001 - it becomes an answer
            self._failed(batch, error)
            return
        self._batches += 1
        self._tokens += sum(len(row.ids) for row in rows)
        self._padded += max(len(row.ids) for row in rows) * len(rows)
        with self._wake:  # whoever has an answer sees that it waits no more
            self._waiting -= len(batch)
        for (job, index), result in zip(batch, results, strict=True):
            job.results[index] = result
            job.size -= 1
            if not job.size:
                self._finish(job)

    def _failed(self, batch: Sequence[tuple[_Job, int]], error: Exception) -> None:
        """Halve the batch until the row is found that it fails with, or fits."""
        if "CUDA error" in str(error):
            self._fatal = one_line(error)
        elif len(batch) > 1:
            middle = len(batch) // 2
            self._answer(batch[:middle])
            self._answer(batch[middle:])
            return
        logger.error("the model failed", exc_info=error)
        for job, _ in batch:
            self._finish(job, _worded(error))

    def _finish(self, job: _Job, error: Exception | None = None) -> None:
        if job.done:
            return
        job.done = True
        with self._wake:
            self._waiting -= job.size
        job.size = 0
        job.left = []
        answers = None if error else Answers(rows=job.rows, results=job.results)
        try:
            job.loop.call_soon_threadsafe(_resolve, job.future, answers, error)
        except RuntimeError:  # whoever asked has closed the loop
            return


def _length(each: tuple[_Job, int]) -> int:
    job, index = each
    return len(job.rows[index].ids)


def _resolve(
    future: asyncio.Future[Answers], answers: Answers | None, error: Exception | None
) -> None:
    if future.done():
        return
    if answers is None:
        future.set_exception(error or InferenceError("the model gave no answer"))
    else:
        future.set_result(answers)


def _worded(error: Exception) -> Exception:
    if isinstance(error, InferryError):
        return error
    return InferenceError(f"the model could not compute the answer: {one_line(error)}")
