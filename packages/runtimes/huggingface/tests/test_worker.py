"""The worker batches whoever asks, bounds what waits, and keeps requests apart."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from inferry.errors import InferenceError, InvalidInput, ModelNotReady, Overloaded
from inferry_runtime_huggingface.encoding import Row, TokenIds
from inferry_runtime_huggingface.worker import Limits, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inferry_runtime_huggingface.encoding import Texts

POISON, TOO_LONG, BROKEN = 13, 14, 15


class Plain:
    """Stands for an encoding: token ids become rows as they are."""

    def rows(self, given: Texts | TokenIds) -> list[Row]:
        assert isinstance(given, TokenIds)
        if any(TOO_LONG in each for each in given.ids):
            raise InvalidInput("text 0 is too long")
        return [Row(ids=each) for each in given.ids]


class Recorder:
    """Computes sums, and waits where a test wants it to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = threading.Event()
        self.open.set()
        self.began = threading.Event()

    def __call__(self, rows: Sequence[Row]) -> list[int]:
        self.began.set()
        assert self.open.wait(10)
        if any(BROKEN in row.ids for row in rows):
            raise RuntimeError("CUDA error: device-side assert triggered")
        if any(POISON in row.ids for row in rows):
            raise ValueError("no such thing")
        self.batches.append([len(row.ids) for row in rows])
        return [sum(row.ids) for row in rows]


@pytest.fixture
def compute() -> Recorder:
    return Recorder()


@pytest.fixture
def worker(compute: Recorder) -> Iterator[Worker]:
    limits = Limits(tokens=64, rows=8, waiting=100)
    encoding: Any = Plain()
    made = Worker(encoding, compute, limits=limits)
    yield made
    compute.open.set()
    made.close()


def ids(*lengths: int) -> TokenIds:
    return TokenIds(ids=[[1] * length for length in lengths])


async def begun(compute: Recorder) -> None:
    await asyncio.to_thread(compute.began.wait, 10)


async def test_gives_the_results_in_the_order_of_the_rows(worker: Worker) -> None:
    answers = await worker.submit(ids(5, 1, 9, 3))

    assert answers.results == [5, 1, 9, 3]
    assert answers.counts == (5, 1, 9, 3)


async def test_gives_nothing_for_nothing(worker: Worker) -> None:
    assert (await worker.submit(ids())).results == []


async def test_joins_requests_that_come_while_it_computes(
    worker: Worker, compute: Recorder
) -> None:
    compute.open.clear()
    first = worker.submit(ids(2))
    await begun(compute)
    others = [worker.submit(ids(3)) for _ in range(4)]
    compute.open.set()

    assert [(await each).results for each in (first, *others)] == [[2], *[[3]] * 4]
    assert compute.batches == [[2], [3, 3, 3, 3]]


async def test_batches_are_of_like_length_and_bounded(
    worker: Worker, compute: Recorder
) -> None:
    await worker.submit(ids(*[30, 2] * 10))

    for batch in compute.batches:
        assert len(batch) <= 8
        assert len(batch) * max(batch) <= 64
    short = [batch for batch in compute.batches if 2 in batch]
    assert all(set(batch) == {2} for batch in short)


async def test_without_padding_batches_are_of_one_length(compute: Recorder) -> None:
    encoding: Any = Plain()
    limits = Limits(tokens=64, rows=3, padding=False)
    worker = Worker(encoding, compute, limits=limits)
    try:
        await worker.submit(ids(3, 2, 3, 2, 4, 2, 2))
    finally:
        worker.close()

    assert compute.batches == [[2, 2, 2], [2], [3, 3], [4]]


async def test_a_row_beyond_the_bound_is_a_batch_of_its_own(
    worker: Worker, compute: Recorder
) -> None:
    await worker.submit(ids(100, 1))

    assert [1] in compute.batches
    assert [100] in compute.batches


async def test_a_large_request_does_not_hold_up_a_small_one(
    worker: Worker, compute: Recorder
) -> None:
    compute.open.clear()
    large = worker.submit(ids(*[8] * 90))
    await begun(compute)
    small = worker.submit(ids(8))
    order: list[str] = []
    small.add_done_callback(lambda _: order.append("small"))
    large.add_done_callback(lambda _: order.append("large"))
    compute.open.set()
    await asyncio.gather(small, large)

    assert order == ["small", "large"]


async def test_refuses_more_than_may_wait(worker: Worker, compute: Recorder) -> None:
    compute.open.clear()
    waiting = worker.submit(ids(*[1] * 90))
    with pytest.raises(Overloaded, match="90 texts wait"):
        worker.submit(ids(*[1] * 11))
    compute.open.set()
    await waiting

    assert (await worker.submit(ids(1))).results == [1]
    assert worker.metrics()["waiting_rows"] == 0


async def test_a_row_that_fails_fails_its_request_alone(
    worker: Worker, compute: Recorder
) -> None:
    compute.open.clear()
    first = worker.submit(ids(1))
    await begun(compute)
    bad = worker.submit(TokenIds(ids=[[1], [POISON]]))
    good = [worker.submit(ids(1)) for _ in range(5)]
    compute.open.set()

    with pytest.raises(InferenceError, match="ValueError: no such thing"):
        await bad
    assert [(await each).results for each in (first, *good)] == [[1]] * 6
    assert worker.metrics()["waiting_rows"] == 0
    assert worker.why_unhealthy == ""


async def test_a_text_that_does_not_fit_fails_its_request_alone(
    worker: Worker,
) -> None:
    bad, good = worker.submit(TokenIds(ids=[[TOO_LONG]])), worker.submit(ids(1))

    with pytest.raises(InvalidInput, match="too long"):
        await bad
    assert (await good).results == [1]


async def test_a_device_that_is_broken_makes_it_unhealthy(worker: Worker) -> None:
    with pytest.raises(InferenceError):
        await worker.submit(TokenIds(ids=[[BROKEN], [1]]))

    assert "CUDA error" in worker.why_unhealthy


async def test_what_nobody_waits_for_is_not_computed(
    worker: Worker, compute: Recorder
) -> None:
    compute.open.clear()
    first = worker.submit(ids(1))
    await begun(compute)
    dropped = worker.submit(ids(7, 7))
    dropped.cancel()
    last = worker.submit(ids(2))
    compute.open.set()
    await first
    await last

    assert 7 not in [length for batch in compute.batches for length in batch]
    assert worker.metrics()["waiting_rows"] == 0


async def test_closing_fails_what_waits_and_what_comes(compute: Recorder) -> None:
    encoding: Any = Plain()
    worker = Worker(encoding, compute)
    compute.open.clear()
    runs = worker.submit(ids(1))
    await begun(compute)
    waits = worker.submit(ids(2))
    closing = asyncio.create_task(asyncio.to_thread(worker.close))
    await asyncio.sleep(0.05)
    compute.open.set()
    await closing

    assert (await runs).results == [1]
    with pytest.raises(ModelNotReady):
        await waits
    with pytest.raises(ModelNotReady):
        worker.submit(ids(1))


async def test_the_loop_is_free_while_it_computes(
    worker: Worker, compute: Recorder
) -> None:
    compute.open.clear()
    asked = worker.submit(ids(1))
    began = time.monotonic()
    for _ in range(10):
        await asyncio.sleep(0)
    assert time.monotonic() - began < 1
    compute.open.set()
    await asked


async def test_counts_tokens_and_padding(worker: Worker) -> None:
    await worker.submit(ids(5, 3))

    found = worker.metrics()
    assert found["tokens_total"] == 8
    assert found["padding_tokens_total"] == 2
    assert found["batches_total"] == 1


def test_an_asker_whose_loop_is_gone_harms_nobody(
    worker: Worker, compute: Recorder
) -> None:
    compute.open.clear()

    async def leave() -> None:
        worker.submit(ids(1))

    asyncio.run(leave())
    compute.open.set()

    async def come() -> Any:
        return await worker.submit(ids(2))

    assert asyncio.run(come()).results == [2]
