"""How many load at once."""

from __future__ import annotations

import asyncio

import pytest

from inferry_server.loading_turns import LoadingTurns


async def test_so_many_run_at_once() -> None:
    turns = LoadingTurns(at_once=2, patience=60)
    running = most = 0

    async def load() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    await asyncio.gather(*(turns.run(load) for _ in range(6)))
    assert most == 2


async def test_one_that_hangs_gives_its_turn_up() -> None:
    turns = LoadingTurns(at_once=1, patience=0.05)
    hanging = asyncio.create_task(turns.run(asyncio.Event().wait))

    async def load() -> str:
        return "done"

    async with asyncio.timeout(5):
        assert await turns.run(load) == "done"
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging


async def test_one_that_fails_gives_its_turn_back() -> None:
    turns = LoadingTurns(at_once=1, patience=60)

    async def load() -> None:
        raise ValueError

    for _ in range(3):
        with pytest.raises(ValueError):  # noqa: PT011 - the one above
            await turns.run(load)
