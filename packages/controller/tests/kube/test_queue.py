"""The semantics of controller-runtime's priority queue."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inferry_controller.kube.queue import LIVE, RESYNC, Queue, ShutDown


async def soon(queue: Queue[str]) -> str:
    return await asyncio.wait_for(queue.get(), 1)


async def nothing(queue: Queue[str], seconds: float = 0.02) -> bool:
    try:
        await asyncio.wait_for(queue.get(), seconds)
    except TimeoutError:
        return True
    return False


async def test_a_key_that_is_added_twice_is_handed_out_once() -> None:
    queue: Queue[str] = Queue()
    queue.add("a")
    queue.add("a")
    assert await soon(queue) == "a"
    assert await nothing(queue)


async def test_a_key_at_work_is_handed_out_again_only_after_it() -> None:
    queue: Queue[str] = Queue()
    queue.add("a")
    await soon(queue)
    queue.add("a")
    queue.add("a")
    assert await nothing(queue)
    queue.done("a")
    assert await soon(queue) == "a"
    queue.done("a")
    assert await nothing(queue)


async def test_a_key_at_work_whose_delay_ends_waits_for_the_work() -> None:
    queue: Queue[str] = Queue()
    queue.add("a")
    await soon(queue)
    queue.add("a", after=0.01)
    assert await nothing(queue, 0.05)
    queue.done("a")
    assert await soon(queue) == "a"


async def test_live_changes_come_before_what_a_list_brought() -> None:
    queue: Queue[str] = Queue()
    for key in "abc":
        queue.add(key, priority=RESYNC)
    queue.add("x", priority=LIVE)
    queue.add("c", priority=LIVE)
    assert [await soon(queue) for _ in range(4)] == ["x", "c", "a", "b"]


async def test_equal_priorities_keep_their_order() -> None:
    queue: Queue[int] = Queue()
    for key in range(100):
        queue.add(key)
    assert [await queue.get() for _ in range(100)] == list(range(100))


async def test_a_delayed_key_comes_when_its_time_has_come() -> None:
    queue: Queue[str] = Queue()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    queue.add("late", after=0.06)
    queue.add("early", after=0.03)
    queue.add("now")
    assert [await soon(queue) for _ in range(3)] == ["now", "early", "late"]
    assert loop.time() - begun >= 0.059


async def test_of_two_times_the_earlier_one_wins() -> None:
    queue: Queue[str] = Queue()
    queue.add("a", after=30)
    queue.add("a", after=0.01)
    queue.add("a", after=60)
    assert await soon(queue) == "a"
    assert await nothing(queue)


async def test_a_void_timer_brings_nothing_early() -> None:
    queue: Queue[str] = Queue()
    queue.add("a", after=0.02)
    queue.add("b", after=0.3)
    queue.add("a")
    assert await soon(queue) == "a"
    assert await nothing(queue, 0.1)


async def test_failures_are_repeated_later_each_time_until_forgotten() -> None:
    queue: Queue[str] = Queue(first=0.01, longest=0.03)
    loop = asyncio.get_running_loop()
    waits = []
    queue.add("a")
    for _ in range(4):
        await soon(queue)
        queue.retry("a")
        queue.done("a")
        begun = loop.time()
        queue.add(await soon(queue))
        queue.done("a")
        waits.append(loop.time() - begun)
    assert queue.failures("a") == 4
    assert waits[0] >= 0.009
    assert waits[1] >= 0.019
    assert 0.029 <= waits[3] < 0.06
    queue.forget("a")
    assert queue.failures("a") == 0


async def test_a_failure_waits_as_long_as_the_server_asks() -> None:
    queue: Queue[str] = Queue()
    queue.add("a")
    await soon(queue)
    queue.retry("a", at_least=0.1)
    queue.done("a")
    assert await nothing(queue, 0.05)
    assert await soon(queue) == "a"


async def test_a_repeated_key_keeps_its_priority() -> None:
    queue: Queue[str] = Queue(first=0.0)
    queue.add("a", priority=RESYNC)
    await soon(queue)
    assert queue.priority_of("a") == RESYNC
    queue.retry("a")
    queue.done("a")
    queue.add("b")
    assert [await soon(queue), await soon(queue)] == ["b", "a"]
    assert queue.priority_of("a") == RESYNC


async def test_who_waits_is_told_of_the_end() -> None:
    queue: Queue[str] = Queue()
    waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.shutdown()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in results] == [ShutDown] * 3
    queue.add("a")
    with pytest.raises(ShutDown):
        await queue.get()


async def test_a_cancelled_waiter_loses_no_key() -> None:
    queue: Queue[str] = Queue()
    first, second = (asyncio.create_task(queue.get()) for _ in range(2))
    await asyncio.sleep(0)
    queue.add("a")
    first.cancel()
    assert await asyncio.wait_for(second, 1) == "a"


async def test_depth_counts_what_is_due_by_priority() -> None:
    queue: Queue[str] = Queue()
    queue.add("a")
    queue.add("b", priority=RESYNC)
    queue.add("c", after=10)
    assert queue.depth() == {LIVE: 1, RESYNC: 1}
    assert len(queue) == 3
    await queue.get()
    assert len(queue.working()) == 1


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "low", "later", "get", "done", "retry"]),
        st.integers(0, 4),
    ),
    max_size=60,
)


@given(_STEPS)
def test_no_key_is_lost_or_worked_on_twice(steps: list[tuple[str, int]]) -> None:
    asyncio.run(_play(steps))


async def _play(steps: list[tuple[str, int]]) -> None:
    """Play any history; whatever was added must be handed out after its last addition.

    The law of a level-triggered controller: no change goes unseen.
    """
    queue: Queue[int] = Queue(first=0.0001, longest=0.0002)
    unseen: set[int] = set()
    working: list[int] = []

    async def take() -> None:
        key = await asyncio.wait_for(queue.get(), 1)
        assert key not in working
        working.append(key)
        unseen.discard(key)

    for step, key in steps:
        if step in {"add", "low", "later"}:
            unseen.add(key)
            queue.add(
                key,
                priority=RESYNC if step == "low" else LIVE,
                after=0.0005 if step == "later" else 0.0,
            )
        elif step == "get" and unseen - set(working):
            await take()
        elif working:
            done = working.pop(0)
            if step == "retry":
                unseen.add(done)
                queue.retry(done)
            queue.done(done)
    while working or unseen:
        while working:
            queue.done(working.pop())
        if unseen:
            await take()
    assert len(queue) == 0
