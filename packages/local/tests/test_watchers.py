"""Readers of changes."""

from __future__ import annotations

import asyncio

from inferry_local.watchers import Watchers


async def test_a_change_is_told_once_however_often_it_happened() -> None:
    watchers = Watchers()
    with watchers.watch(["a"]) as watcher:
        assert await watcher.next() == ["a"]
        for _ in range(3):
            watchers.changed("b")
        assert await watcher.next() == ["b"]


async def test_a_reader_waits_until_something_changes() -> None:
    watchers = Watchers()
    with watchers.watch([]) as watcher:
        waiting = asyncio.create_task(watcher.next())
        await asyncio.sleep(0)
        assert not waiting.done()
        watchers.changed("a")
        assert await waiting == ["a"]
