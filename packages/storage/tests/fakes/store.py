"""A store in memory that does to its bytes what a test tells it to."""

from __future__ import annotations

import asyncio
import hashlib
import random
import threading
from typing import TYPE_CHECKING

from inferry.storage import Entry, Snapshot, Source, Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    Fault = Callable[[str, int, bytes], bytes | None]


def content(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


class Store:
    """Gives ``files``; ``fault`` sees each piece first, and None from it is a stall."""

    def __init__(self, files: dict[str, bytes], *, piece: int = 16 * 1024) -> None:
        self.files = files
        self.piece = piece
        self.digest: str | None = None
        self.etags = True
        self.sizes = True
        self.ranges = True
        self.fault: Fault | None = None
        self.asked: list[tuple[str, int, int | None]] = []
        self.served = 0
        self.released = threading.Event()

    async def resolve(self, source: Source) -> Snapshot:
        return self.snapshot()

    def snapshot(self) -> Snapshot:
        return Snapshot(
            uri="acme://me:secret@host/a?sig=secret",
            id="1",
            entries=tuple(self._entry(*each) for each in self.files.items()),
        )

    def _entry(self, path: str, data: bytes) -> Entry:
        promised = None
        if self.digest is not None:
            found = hashlib.new(self.digest, data, usedforsecurity=False)
            promised = f"{self.digest}:{found.hexdigest()}"
        return Entry(
            path=path,
            size=len(data) if self.sizes else None,
            digest=promised,
            etag=f'"{hashlib.md5(data).hexdigest()}"' if self.etags else None,
            ranges=self.ranges,
        )

    def _pieces(self, entry: Entry, start: int, length: int | None) -> Iterator[bytes]:
        self.asked.append((entry.path, start, length))
        data = self.files[entry.path]
        end = len(data) if length is None else start + length
        for at in range(start, end, self.piece):
            piece = data[at : min(at + self.piece, end)]
            given = piece if self.fault is None else self.fault(entry.path, at, piece)
            if given is None:
                yield b""
            else:
                self.served += len(given)
                yield given

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        for piece in self._pieces(entry, start, length):
            await asyncio.sleep(0 if piece else 60)
            yield piece

    async def close(self) -> None:
        self.released.set()


class BlockingStore(Store):
    """The same with the way for threads."""

    def read_blocking(
        self, entry: Entry, start: int, length: int | None
    ) -> Iterator[bytes]:
        for piece in self._pieces(entry, start, length):
            if not piece:
                self.released.wait(60)
            yield piece


def cut(*paths_and_offsets: tuple[str, int]) -> Fault:
    """Return a fault that cuts the connection once at each of these offsets."""
    left = set(paths_and_offsets)

    def fault(path: str, at: int, piece: bytes) -> bytes:
        for each in sorted(left):
            if each[0] == path and at <= each[1] < at + len(piece):
                left.discard(each)
                raise Unreachable(f"{path} was cut off")
        return piece

    return fault
