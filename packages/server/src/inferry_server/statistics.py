"""What was counted of the calls of each model.

One set of counters is the source of ``/metrics`` and of the statistics that V2 clients
ask for. A call is noted on the event loop when it ends, and counted with others later,
at the latest when someone asks. The counters survive a reload and an unload of the
model, so that rates stay right.

A call passes stations, and the time between two of them is a phase:

| phase | from | to |
|---|---|---|
| receive | head there | body there, where that came apart from its head |
| decode | body there | handed to the model's turns |
| queue | handed to the model's turns | model began |
| predict | model began | model done |
| explain | the same, of an explanation | |
| encode | model done | answer handed to the transport |
"""

from __future__ import annotations

from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING

import msgspec

from inferry_server.counters import ERROR, PROTOCOLS, Counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry_server.calls import Call, Protocol
    from inferry_server.counters import Answers, Executed

#: So many calls are noted before they are counted together: 1 us each instead of 3.
_PENDING = 512
_NS_PER_MS = 1_000_000


class Duration(msgspec.Struct, frozen=True):
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
        self._answers: dict[tuple[str, Protocol], Answers] = {}
        #: Calls that have begun and not ended, of any model.
        self.in_flight: dict[Protocol, int] = dict.fromkeys(PROTOCOLS, 0)

    def add(self, call: Call, model: str, code: int, received: int, sent: int) -> None:
        """Count *call*, which is answered now with the HTTP status *code*."""
        answers = self._answers.get((model, call.protocol))
        if answers is None:
            answers = self._new(model, call.protocol)
        pending = answers.pending
        pending.append(
            (
                code,
                received,
                sent,
                call.arrived,
                call.read,
                call.queued,
                call.started,
                call.ended,
                perf_counter_ns(),
                call.rows,
                call.batch,
                call.explains,
            )
        )
        if len(pending) >= _PENDING:
            self._models[model].count_answers(answers)

    def _new(self, model: str, protocol: Protocol) -> Answers:
        counted = self._models.setdefault(model, Counted())
        answers = self._answers[model, protocol] = counted.answers[protocol]
        return answers

    def counted(self) -> Iterator[tuple[str, Counted]]:
        """Yield the counters of each model, by name."""
        for counted in self._models.values():
            counted.count()
        yield from self._models.items()

    def of(self, model: str) -> ModelStatistics:
        """Return what V2's statistics tell of *model*; zeros where it had no call."""
        counted = self._models.get(model) or Counted()
        counted.count()
        well = failed = 0
        for answers in counted.answers.values():
            for code, count in answers.codes.items():
                if code >= ERROR:
                    failed += count
                else:
                    well += count
        batches = sorted(counted.batches.items())
        return ModelStatistics(
            name=model,
            last_inference=_milliseconds(counted.last),
            inference_count=sum(executed.rows for _, executed in batches),
            execution_count=sum(executed.executions for _, executed in batches),
            success=Duration(well, counted.succeeded_ns),
            fail=Duration(failed, counted.failed_ns),
            queue=Duration(well, counted.queue_ns),
            compute_input=Duration(well, counted.input_ns),
            compute_infer=Duration(well, counted.infer_ns),
            compute_output=Duration(well, counted.output_ns),
            batch_stats=tuple(_batch(size, executed) for size, executed in batches),
        )


def _batch(size: int, executed: Executed) -> BatchStatistics:
    times = executed.executions
    return BatchStatistics(
        batch_size=size,
        compute_input=Duration(times, round(executed.input)),
        compute_infer=Duration(times, round(executed.infer)),
        compute_output=Duration(times, round(executed.output)),
    )


def _milliseconds(counter: int) -> int:
    """Return a time of `perf_counter_ns` as ms since 1970; 0 stays 0."""
    return (time_ns() - perf_counter_ns() + counter) // _NS_PER_MS if counter else 0
