"""Services that a changed world concerns are queued, and nobody waits meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from inferry_controller.kube.queue import Queue
from inferry_controller.reconciling.spreading import Spreading
from inferry_controller.reconciling.stored import StoredService, stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


def services(count: int) -> list[StoredService]:
    """Return services, every second one in the namespace ``a``, the others in ``b``."""
    return [
        stored({"metadata": {"name": f"s{n}", "namespace": "ab"[n % 2]}, "spec": {}})
        for n in range(count)
    ]


@contextlib.asynccontextmanager
async def running(
    spreading: Spreading, is_concerned: Callable[[StoredService], bool]
) -> AsyncIterator[None]:
    """Look at services until the block ends."""
    task = asyncio.create_task(spreading.run(is_concerned))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_change_queues_those_that_it_concerns() -> None:
    queue: Queue[str] = Queue()
    spreading = Spreading(services(6), queue)
    async with running(spreading, lambda each: each.name != "s2"):
        spreading.changed("a")
        found = {await queue.get(), await queue.get()}
        assert found == {"a/s0", "a/s4"}
        assert not len(queue)
        spreading.changed("")
        assert {await queue.get() for _ in range(3)} == {"b/s1", "b/s3", "b/s5"}


async def test_others_have_their_turns_while_many_are_looked_at() -> None:
    def slow(_: StoredService) -> bool:
        time.sleep(0.002)
        return False

    seen: list[StoredService] = []
    queue: Queue[str] = Queue()
    spreading = Spreading(services(50), queue)
    async with running(spreading, lambda each: bool(seen.append(each)) or slow(each)):
        spreading.changed("")
        turns = 0
        while len(seen) < 50:
            await asyncio.sleep(0)
            turns += 1
    assert turns > 10


async def test_what_changes_meanwhile_is_looked_at_after() -> None:
    queue: Queue[str] = Queue()
    spreading = Spreading(services(2), queue)
    seen: list[str] = []

    def look(each: StoredService) -> bool:
        if not seen:
            spreading.changed("b")
        seen.append(each.key)
        return each.namespace == "b" and len(seen) > 1

    async with running(spreading, look):
        spreading.changed("a")
        assert await queue.get() == "b/s1"
    assert seen == ["a/s0", "b/s1"]
