"""The counters of one model, and how calls are counted into them.

Calls are counted many at a time, which takes a third of what one at a time does.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from inferry_server.calls import Protocol

    Times: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]
    Chosen: TypeAlias = np.ndarray[tuple[int], np.dtype[np.bool_]]

_MS = 1_000_000
#: Upper bounds of the buckets of durations, in ns.
BOUNDS = tuple(
    int(milliseconds * _MS)
    for milliseconds in (
        *(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500),
        *(1000, 2500, 5000, 10000, 30000, 60000),
    )
)
_BOUNDS = np.array(BOUNDS, np.int64)
PROTOCOLS: tuple[Protocol, ...] = ("v1", "v2", "grpc", "openai")
#: The first status that is an error.
ERROR = 400
#: So many sizes of batches are told apart; others count as the next power of two.
_SIZES = 256
#: Shares of a batch add up to a whole number but for so much.
_EXACT = 1e-3


class Durations:
    """How many durations fell into each bucket, and their sum in ns."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = np.zeros(len(BOUNDS) + 1, np.int64)
        self.sum = 0

    def add(self, nanoseconds: Times) -> None:
        """Count all of *nanoseconds*."""
        places = np.searchsorted(_BOUNDS, nanoseconds)
        self.counts += np.bincount(places, minlength=len(self.counts))
        self.sum += int(nanoseconds.sum())


class Answers:
    """What one protocol answered: calls by code, their durations, bytes."""

    __slots__ = ("codes", "durations", "pending", "received", "sent")

    def __init__(self) -> None:
        self.codes: defaultdict[int, int] = defaultdict(int)
        self.durations = Durations()
        self.received = 0
        self.sent = 0
        #: Calls that are not counted yet, each as in `_Columns`.
        self.pending: list[tuple[int, ...]] = []


class Executed:
    """Executions of one batch size: an execution is shared by the calls it answers."""

    __slots__ = ("infer", "input", "output", "rows", "shares")

    def __init__(self) -> None:
        self.rows = 0
        self.shares = 0.0
        self.input = 0.0
        self.infer = 0.0
        self.output = 0.0

    @property
    def executions(self) -> int:
        """How many there were; one counts whole though a client of it has left."""
        return math.ceil(self.shares - _EXACT)


class Counted:
    """The counters of one model; a name with ``_ns`` is the sum of its successes."""

    __slots__ = (
        "answers",
        "batches",
        "decode",
        "encode",
        "explain",
        "failed_ns",
        "infer_ns",
        "input_ns",
        "last",
        "output_ns",
        "predict",
        "queue",
        "queue_ns",
        "receive",
        "succeeded_ns",
    )

    def __init__(self) -> None:
        self.answers = {protocol: Answers() for protocol in PROTOCOLS}
        self.batches: dict[int, Executed] = {}
        self.receive = Durations()
        self.decode = Durations()
        self.queue = Durations()
        self.predict = Durations()
        self.explain = Durations()
        self.encode = Durations()
        self.last = 0
        self.failed_ns = 0
        self.succeeded_ns = 0
        self.queue_ns = 0
        self.input_ns = 0
        self.infer_ns = 0
        self.output_ns = 0

    def count(self) -> None:
        """Count what is pending."""
        for answers in self.answers.values():
            if answers.pending:
                self.count_answers(answers)

    def count_answers(self, answers: Answers) -> None:
        """Count what is pending of one protocol."""
        calls = _Columns(*np.array(answers.pending, np.int64).T)
        answers.pending.clear()
        codes, counts = np.unique(calls.status, return_counts=True)
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
            answers.codes[code] += count
        answers.received += int(calls.received.sum())
        answers.sent += int(calls.sent.sum())
        took = calls.now - calls.arrived
        answers.durations.add(took)
        well = calls.status < ERROR
        self.succeeded_ns += int(took[well].sum())
        self.failed_ns += int(took[~well].sum())
        self._count_phases(calls)
        computed = well & (calls.started > 0)
        if computed.any():
            self._count_executions(calls if computed.all() else calls.where(computed))

    def _count_phases(self, calls: _Columns) -> None:
        apart = calls.read > 0
        if apart.any():
            self.receive.add((calls.read - calls.arrived)[apart])
        begun = calls.started > 0
        if not begun.any():
            return
        if not begun.all():
            calls = calls.where(begun)
        self.decode.add(calls.queued - np.maximum(calls.read, calls.arrived))
        self.queue.add(calls.started - calls.queued)
        done = calls.ended > 0
        if not done.all():
            calls = calls.where(done)
        self.encode.add(calls.now - calls.ended)
        took, explains = calls.ended - calls.started, calls.explains > 0
        if explains.any():
            self.explain.add(took[explains])
            took = took[~explains]
        self.predict.add(took)

    def _count_executions(self, calls: _Columns) -> None:
        ended = np.where(calls.ended > 0, calls.ended, calls.now)
        fed = calls.queued - np.maximum(calls.read, calls.arrived)
        inferred, given = ended - calls.started, calls.now - ended
        self.last = max(self.last, int(calls.now.max()))
        self.queue_ns += int((calls.started - calls.queued).sum())
        self.input_ns += int(fed.sum())
        self.infer_ns += int(inferred.sum())
        self.output_ns += int(given.sum())
        sizes = np.where(calls.batch > 0, calls.batch, calls.rows)
        shares = calls.rows / sizes
        for size in np.unique(sizes).tolist():
            here = sizes == size
            share = shares[here]
            executed = self._executed(size)
            executed.rows += int(calls.rows[here].sum())
            executed.shares += float(share.sum())
            executed.input += float(fed[here] @ share)
            executed.infer += float(inferred[here] @ share)
            executed.output += float(given[here] @ share)

    def _executed(self, size: int) -> Executed:
        if size not in self.batches and len(self.batches) >= _SIZES:
            size = 1 << (size - 1).bit_length()
        return self.batches.setdefault(size, Executed())


class _Columns(NamedTuple):
    """Calls, each column one of their numbers."""

    status: Times
    received: Times
    sent: Times
    arrived: Times
    read: Times
    queued: Times
    started: Times
    ended: Times
    now: Times
    rows: Times
    batch: Times
    explains: Times

    def where(self, chosen: Chosen) -> _Columns:
        return _Columns(*(column[chosen] for column in self))
