"""Threads that wait for a store, and that nobody has to wait for.

`asyncio.to_thread` would: its threads are joined at the end of the event loop, and one
that reads from a server which lets bytes drip cannot be woken.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def in_thread(function: Callable[[*Ts], T], *args: *Ts) -> T:
    """Call *function* in a thread of its own, which is left alone when cancelled."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def work() -> None:
        try:
            call = partial(_settle, future, function(*args))
        except BaseException as error:  # noqa: BLE001 - it goes to the caller
            call = partial(_fail, future, error)
        # The loop is closed where an abandoned call comes to its end late.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(call)

    threading.Thread(target=work, name="inferry-store", daemon=True).start()
    return await future


def _settle(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
