"""The way of an answer from the engine's thread to the event loop."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING

from inferry_runtime_huggingface.generation.engine import Piece

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    Item = Piece | Exception


class Stream:
    """What waits to be read of one answer; belongs to one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._items: deque[Item] = deque()
        self._waiter: asyncio.Future[None] | None = None

    def put(self, item: Item) -> None:
        """Add *item*; called on the loop."""
        self._items.append(item)
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def next(self) -> Piece:
        """Return all that came since the last call, in one piece.

        Raises:
            Exception: What ended the answer.

        """
        while not self._items:
            self._waiter = self.loop.create_future()
            await self._waiter
        pieces: list[Piece] = []
        while self._items and isinstance(self._items[0], Piece):
            pieces.append(self._items.popleft())  # type: ignore[arg-type] # just looked
        if pieces:
            return pieces[0] if len(pieces) == 1 else joined(pieces)
        error = self._items.popleft()
        assert isinstance(error, Exception)  # noqa: S101 - there is nothing else
        raise error


class Outbox:
    """Collects what a step gave, so that each loop is woken once a step."""

    def __init__(self) -> None:
        self._by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Stream, Item]]] = {}

    def add(self, stream: Stream, item: Item) -> None:
        """Keep *item* for `send`."""
        self._by_loop.setdefault(stream.loop, []).append((stream, item))

    def send(self) -> None:
        """Hand everything over."""
        sent, self._by_loop = self._by_loop, {}
        for loop, items in sent.items():
            # A loop that is closed has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_put, items)


def _put(items: Iterable[tuple[Stream, Item]]) -> None:
    for stream, item in items:
        stream.put(item)


def joined(pieces: list[Piece]) -> Piece:
    """Return *pieces* that follow each other as one."""
    last = pieces[-1]
    return Piece(
        text="".join(piece.text for piece in pieces),
        token_ids=tuple(each for piece in pieces for each in piece.token_ids),
        chances=tuple(each for piece in pieces for each in piece.chances),
        prompt=pieces[0].prompt,
        finish_reason=last.finish_reason,
        cached_tokens=pieces[0].cached_tokens,
    )
