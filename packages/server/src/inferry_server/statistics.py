"""What was counted of the calls of each model, in plain numbers.

One set of counters is the source of ``/metrics`` and of the statistics that V2 clients
ask for. They are written on the event loop alone, once per call, when it ends; they
survive a reload and an unload of the model, so that rates stay right.

A call passes stations, and the time between two of them is a phase:

| phase | from | to |
|---|---|---|
| receive | head there | body there |
| decode | body there | handed to the model's turns |
| queue | handed to the model's turns | model began |
| predict | model began | model done |
| explain | the same, of an explanation | |
| encode | model done | answer handed to the transport |
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry_server.calls import Call, Protocol

_MS = 1_000_000
#: Upper bounds of the buckets of durations, in ns.
BOUNDS = tuple(
    int(milliseconds * _MS)
    for milliseconds in (
        *(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500),
        *(1000, 2500, 5000, 10000, 30000, 60000),
    )
)
PHASES = ("receive", "decode", "queue", "predict", "explain", "encode")
PROTOCOLS: tuple[Protocol, ...] = ("v1", "v2", "grpc")
#: So many sizes of batches are told apart; others count as the next power of two.
_SIZES = 256
_ERROR = 400


class Durations:
    """How many durations fell into each bucket, and their sum in ns."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.sum = 0

    def add(self, nanoseconds: int) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, nanoseconds)] += 1
        self.sum += nanoseconds


class Answers:
    """What one protocol answered: calls by code, their durations, bytes."""

    __slots__ = ("codes", "durations", "received", "sent")

    def __init__(self) -> None:
        self.codes: defaultdict[int, int] = defaultdict(int)
        self.durations = Durations()
        self.received = 0
        self.sent = 0


class Executed:
    """Executions of one batch size: an execution is shared by the calls it answers."""

    __slots__ = ("executions", "infer", "input", "output", "rows")

    def __init__(self) -> None:
        self.rows = 0
        self.executions = 0.0
        self.input = 0.0
        self.infer = 0.0
        self.output = 0.0


class Counted:
    """The counters of one model; all but the sums are by phase or protocol."""

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

    def computed(self, call: Call, began: int, now: int) -> None:
        """Count a call whose model was begun; *began* is when its body was there."""
        started, queued, ended = call.started, call.queued, call.ended
        self.decode.add(queued - began)
        self.queue.add(started - queued)
        if ended:
            phase = self.explain if call.explains else self.predict
            phase.add(ended - started)
            self.encode.add(now - ended)

    def succeeded(self, call: Call, began: int, now: int) -> None:
        """Count what a call that was answered well took of the model's time."""
        rows, started, queued = call.rows, call.started, call.queued
        ended = call.ended or now
        fed, inferred, given = queued - began, ended - started, now - ended
        self.last = now
        self.queue_ns += started - queued
        self.input_ns += fed
        self.infer_ns += inferred
        self.output_ns += given
        size = call.batch or rows
        share = rows / size if size != rows else 1
        executed = self.batches.get(size)
        if executed is None:
            executed = self._new_size(size)
        executed.rows += rows
        executed.executions += share
        executed.input += fed * share
        executed.infer += inferred * share
        executed.output += given * share

    def _new_size(self, size: int) -> Executed:
        if len(self.batches) >= _SIZES:
            size = 1 << (size - 1).bit_length()
        return self.batches.setdefault(size, Executed())


class Duration(NamedTuple):
    """So many times, so many ns together."""

    count: int
    ns: int


class BatchStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Executions of one batch size, as V2's statistics give them."""

    batch_size: int
    compute_input: Duration
    compute_infer: Duration
    compute_output: Duration


class ModelStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What V2's statistics tell of one model; the times are of successes only.

    ``inference_count`` counts rows, ``execution_count`` calls of the model, which is
    fewer where calls are batched. ``last_inference`` is in ms since 1970. Source:
    Triton's statistics extension.
    """

    name: str
    last_inference: int
    inference_count: int
    execution_count: int
    success: Duration
    fail: Duration
    queue: Duration
    compute_input: Duration
    compute_infer: Duration
    compute_output: Duration
    batch_stats: tuple[BatchStatistics, ...]


class Statistics:
    """The counters of all models of a server; the name "" is what none answered."""

    def __init__(self) -> None:
        self._models: dict[str, Counted] = {}
        #: Calls that have begun and not ended, of any model.
        self.in_flight: dict[Protocol, int] = dict.fromkeys(PROTOCOLS, 0)

    def add(
        self, call: Call, model: str, code: int, received: int, sent: int, now: int
    ) -> None:
        """Count *call*, which was answered with the HTTP status *code* at *now*."""
        counted = self._models.get(model)
        if counted is None:
            counted = self._models[model] = Counted()
        answers = counted.answers[call.protocol]
        answers.codes[code] += 1
        answers.received += received
        answers.sent += sent
        took = now - call.arrived
        answers.durations.add(took)
        began = call.arrived
        if call.read:
            began = call.read
            counted.receive.add(began - call.arrived)
        if call.started:
            counted.computed(call, began, now)
        if code >= _ERROR:
            counted.failed_ns += took
            return
        counted.succeeded_ns += took
        if call.started:
            counted.succeeded(call, began, now)

    def counted(self) -> Iterator[tuple[str, Counted]]:
        """Yield the counters of each model, by name."""
        yield from self._models.items()

    def of(self, model: str) -> ModelStatistics:
        """Return what V2's statistics tell of *model*; zeros where it had no call."""
        counted = self._models.get(model) or Counted()
        well = failed = 0
        for answers in counted.answers.values():
            for code, count in answers.codes.items():
                if code >= _ERROR:
                    failed += count
                else:
                    well += count
        batches = sorted(counted.batches.items())
        return ModelStatistics(
            name=model,
            last_inference=_milliseconds(counted.last),
            inference_count=sum(executed.rows for _, executed in batches),
            execution_count=sum(round(executed.executions) for _, executed in batches),
            success=Duration(well, counted.succeeded_ns),
            fail=Duration(failed, counted.failed_ns),
            queue=Duration(well, counted.queue_ns),
            compute_input=Duration(well, counted.input_ns),
            compute_infer=Duration(well, counted.infer_ns),
            compute_output=Duration(well, counted.output_ns),
            batch_stats=tuple(_batch(size, executed) for size, executed in batches),
        )


def _batch(size: int, executed: Executed) -> BatchStatistics:
    times = round(executed.executions)
    return BatchStatistics(
        batch_size=size,
        compute_input=Duration(times, round(executed.input)),
        compute_infer=Duration(times, round(executed.infer)),
        compute_output=Duration(times, round(executed.output)),
    )


def _milliseconds(counter: int) -> int:
    """Return a time of `perf_counter_ns` as ms since 1970; 0 stays 0."""
    return (time_ns() - perf_counter_ns() + counter) // _MS if counter else 0
