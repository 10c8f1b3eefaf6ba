"""Run one transfer in a process of its own: `python alone.py FOLDER WAY SLOWLY`.

It prints the most memory that the process had, in KiB. What it fetches is made from
numbers, so the process that started it knows each byte.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.store import BlockingStore, Store, content
from inferry.storage import Entry, Snapshot
from inferry_storage.policy import Policy
from inferry_storage.progress import Reporter
from inferry_storage.transfer import arriving, plan, preparing, transfer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

KIB = 1024
#: As `settle` makes them, the parts and the steps of the journal.
PART, STEP, WORKERS = 256 * KIB, 64 * KIB, 4


def settle() -> None:
    """Make parts so small that a small model has many."""
    preparing.SMALL = 8 * KIB
    plan._SMALLEST_PART = plan._LARGEST_PART = PART
    arriving._STEP = STEP


def model() -> dict[str, bytes]:
    """Return a large file, a middle one, and many small ones."""
    files = {f"small/{n}": content(3000 + n, n) for n in range(40)}
    return {"large": content(3000 * KIB, 1), "middle": content(300 * KIB, 2), **files}


def noted(folder: Path) -> int:
    """Return how many bytes the journal in *folder* says are written."""
    try:
        lines = folder.joinpath(".journal").read_text("ascii").split("\n")[:-1]
    except FileNotFoundError:
        return 0
    return sum(int(end) - int(start) for _, start, end in map(str.split, lines))


class Zeros:
    """One large file of nothing, as fast as it is taken."""

    def __init__(self, size: int) -> None:
        self.size = size

    def snapshot(self) -> Snapshot:
        entry = Entry(path="zeros", size=self.size, etag="1")
        return Snapshot(uri="acme://a", id="1", entries=(entry,))

    def read_blocking(
        self, entry: Entry, start: int, length: int | None
    ) -> Iterator[bytes]:
        left = self.size - start if length is None else length
        while left:
            piece = bytes(min(left, 128 * KIB))
            left -= len(piece)
            yield piece

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        for piece in Zeros.read_blocking(self, entry, start, length):
            yield piece

    async def close(self) -> None:
        pass


class AsyncZeros(Zeros):
    read_blocking = None


def store(way: str, *, slowly: bool) -> Store | Zeros:
    if way.startswith("zeros"):
        kind, size = (Zeros, way[5:]) if way[5:].isdigit() else (AsyncZeros, way[10:])
        return kind(int(size))
    made = {"async": Store, "blocking": BlockingStore}[way](model(), piece=8 * KIB)
    if slowly:
        made.fault = lambda _path, _at, piece: time.sleep(0.002) or piece
    return made


async def main(folder: Path, way: str, slowly: str) -> None:
    if not way.startswith("zeros"):
        settle()
    made = store(way, slowly=bool(slowly))
    policy = Policy(cache_dir=folder, workers=8 if "zeros" in way else WORKERS)
    await transfer(
        made.snapshot(), made, folder, policy=policy, reporter=Reporter("acme://a")
    )


def most_memory() -> str:
    """Return the largest that this process has been, in KiB."""
    status = Path("/proc/self/status").read_text("ascii")
    return re.search(r"VmHWM:\s+(\d+) kB", status)[1]


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
    sys.stdout.write(most_memory())
