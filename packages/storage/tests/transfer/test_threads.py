"""Threads that come when they are needed, and lose their pen when they are given up."""

from __future__ import annotations

import asyncio
import threading

import pytest

from inferry_storage.transfer.threads import Abandoned, Pulse, Threads


def alive() -> int:
    return sum(each.name == "inferry-transfer" for each in threading.enumerate())


async def test_there_are_as_many_as_there_are_calls_at_a_time() -> None:
    threads = Threads()
    barrier = threading.Barrier(3)
    await asyncio.gather(*(threads.call(barrier.wait, 5) for _ in range(3)))
    for _ in range(10):
        await threads.call(int)

    assert alive() == 3
    await threads.close()
    assert alive() == 0


async def test_a_call_gives_what_its_function_does() -> None:
    threads = Threads()

    assert await threads.call(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await threads.call(divmod, 7, 0)
    await threads.close()


async def test_a_call_that_hangs_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("inferry_storage.transfer.threads._GOODBYES", 2)
    threads, held = Threads(), threading.Event()
    hanging = threads.call(held.wait, 5)

    assert await threads.call(int) == 0
    await threads.close()
    assert not hanging.done()
    held.set()
    assert await hanging


def test_a_stopped_pulse_writes_nothing() -> None:
    pulse = Pulse()
    with pulse.writing():
        pass
    pulse.stop()

    with pytest.raises(Abandoned), pulse.writing():
        pytest.fail("it wrote")


def test_stop_waits_until_what_is_being_written_is() -> None:
    pulse, order = Pulse(), []
    begun = threading.Event()

    def write() -> None:
        with pulse.writing():
            begun.set()
            threading.Event().wait(0.05)
            order.append("written")

    thread = threading.Thread(target=write)
    thread.start()
    begun.wait(5)
    pulse.stop()
    order.append("stopped")
    thread.join()

    assert order == ["written", "stopped"]
