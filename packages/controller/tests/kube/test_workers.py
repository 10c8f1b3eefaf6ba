from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from inferry_controller.kube.errors import Conflict, Unavailable
from inferry_controller.kube.queue import LIVE, RESYNC, Queue
from inferry_controller.kube.workers import Result, Terminal, Workers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest
    from inferry_controller.kube.store import Key

KEY = ("models", "iris")


class Meter:
    def __init__(self) -> None:
        self.results: list[str] = []
        self.told = asyncio.Event()

    def began(self) -> None: ...

    def ended(self, result: str, seconds: float) -> None:
        self.results.append(result)
        self.told.set()


async def play(
    reconcile: Callable[[Key], Awaitable[Result | None]],
    *,
    keys: tuple[Key, ...] = (KEY,),
    until: int = 1,
    priority: int = LIVE,
    patience: float = 5.0,
) -> tuple[Queue[Key], list[str]]:
    """Reconcile *keys* until *until* results are there; return queue and results."""
    queue: Queue[Key] = Queue(first=0.01)
    meter = Meter()
    workers = Workers(queue, reconcile, name="test", timeout=patience, meter=meter)
    running = asyncio.create_task(workers.run())
    for key in keys:
        queue.add(key, priority=priority)
    async with asyncio.timeout(5):
        while len(meter.results) < until:
            meter.told.clear()
            await meter.told.wait()
    queue.shutdown()
    await asyncio.wait_for(running, 1)
    return queue, meter.results


async def test_success_forgets_the_failures_before() -> None:
    calls = 0

    async def reconcile(_: Key) -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise Conflict("changed meanwhile", status=409)

    queue, results = await play(reconcile, until=3)
    assert results == ["error", "error", "success"]
    assert queue.failures(KEY) == 0


async def test_a_result_asks_for_another_look() -> None:
    times: list[float] = []

    async def reconcile(_: Key) -> Result | None:
        times.append(asyncio.get_running_loop().time())
        return Result(after=0.05) if len(times) == 1 else None

    _, results = await play(reconcile, until=2)
    assert results == ["requeue_after", "success"]
    assert times[1] - times[0] >= 0.049


async def test_a_terminal_error_is_not_repeated() -> None:
    async def reconcile(_: Key) -> None:
        raise Terminal("the model format is unknown")

    queue, results = await play(reconcile)
    await asyncio.sleep(0.05)
    assert results == ["terminal"]
    assert len(queue) == 0


async def test_a_defect_is_counted_told_once_and_repeated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def reconcile(_: Key) -> None:
        raise KeyError("spec")

    _, results = await play(reconcile, until=3)
    assert results == ["panic"] * 3
    assert [bool(record.exc_info) for record in caplog.records] == [True, False, False]


async def test_a_defect_in_one_object_leaves_the_others_alone() -> None:
    async def reconcile(key: Key) -> None:
        if key == KEY:
            raise ValueError("a defect")

    others = tuple(("models", str(n)) for n in range(40))
    _, results = await play(reconcile, keys=(KEY, *others), until=41)
    assert results.count("success") == 40


async def test_a_reconcile_that_hangs_is_cancelled_and_repeated() -> None:
    async def reconcile(_: Key) -> None:
        await asyncio.sleep(60)

    queue, results = await play(reconcile, patience=0.02)
    assert results[0] == "timeout"
    assert queue.failures(KEY) >= 1


async def test_a_timeout_of_a_call_is_an_error_not_a_timeout_of_the_reconcile() -> None:
    async def reconcile(_: Key) -> None:
        raise TimeoutError

    _, results = await play(reconcile)
    assert results[0] == "error"


async def test_the_server_says_how_long_to_wait() -> None:
    times: list[float] = []

    async def reconcile(_: Key) -> None:
        times.append(asyncio.get_running_loop().time())
        if len(times) == 1:
            raise Unavailable("too many", status=429, retry_after=0.15)

    await play(reconcile, until=2)
    assert times[1] - times[0] >= 0.149


async def test_at_most_so_many_are_reconciled_at_a_time() -> None:
    busy = most = 0
    full = asyncio.Event()

    async def reconcile(_: Key) -> None:
        nonlocal busy, most
        busy += 1
        most = max(busy, most)
        if busy == 16:
            full.set()
        await full.wait()
        await asyncio.sleep(0.001)
        busy -= 1

    keys = tuple(("models", str(n)) for n in range(100))
    await play(reconcile, keys=keys, until=100)
    assert most == 16


async def test_work_that_was_begun_ends_although_the_queue_is_shut_down() -> None:
    ended = False

    async def reconcile(_: Key) -> None:
        nonlocal ended
        await asyncio.sleep(0.05)
        ended = True

    queue: Queue[Key] = Queue()
    running = asyncio.create_task(Workers(queue, reconcile, name="test").run())
    queue.add(KEY)
    await asyncio.sleep(0.01)
    queue.shutdown()
    await asyncio.wait_for(running, 1)
    assert ended


async def test_a_look_that_was_asked_for_keeps_the_priority() -> None:
    seen: list[int] = []

    async def reconcile(_: Key) -> Result | None:
        seen.append(len(seen))
        return Result(after=60) if len(seen) == 1 else None

    queue, _ = await play(reconcile, priority=RESYNC)
    assert queue._waiting[KEY].priority == RESYNC


async def test_a_failure_is_told_with_its_object(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def reconcile(_: Key) -> None:
        raise Unavailable("the server is busy")

    with caplog.at_level(logging.INFO):
        await play(reconcile)
    assert "reconciling failed (1 in a row): the server is busy" in caplog.text


async def test_keys_with_nothing_to_do_leave_the_loop_to_others() -> None:
    """Thousands of passes that wait for nothing do not hold up a watch."""
    rounds = 0

    async def others() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    async def reconcile(_: Key) -> None:
        until = time.perf_counter() + 0.0002
        while time.perf_counter() < until:
            pass

    watching = asyncio.create_task(others())
    keys = tuple(("models", f"m{number}") for number in range(200))
    await play(reconcile, keys=keys, until=200, priority=RESYNC)
    watching.cancel()

    # 40 ms of work in slices of one, for 16 workers together.
    assert rounds > 20
