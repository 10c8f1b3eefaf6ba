"""A thread that nobody waits for does not keep the program alive."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from inferry_storage.backends.objects.waiting import in_thread


async def test_a_call_gives_its_result() -> None:
    assert await in_thread(divmod, 7, 2) == (3, 1)


async def test_a_call_raises_its_error() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_thread(divmod, 7, 0)


def test_a_call_that_hangs_does_not_hold_the_end_of_the_loop() -> None:
    release = threading.Event()

    async def waits() -> None:
        async with asyncio.timeout(0.05):
            await in_thread(release.wait)

    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(waits())
    assert time.monotonic() - begun < 5
    release.set()
