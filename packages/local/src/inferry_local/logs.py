"""Read what replicas print: one file each, in a folder per service."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

POLL_SECONDS = 0.2
#: What is read at a time, and the longest line that is not cut in two.
CHUNK_BYTES = 64 * 1024
DEFAULT_TAIL_BYTES = 1024 * 1024
#: The folder is in memory on many machines; a file that grows past this begins anew.
MAX_BYTES = 16 * 1024 * 1024
BOUND_SECONDS = 2.0


class LogReader:
    """Yields the lines of every ``*.log`` in *folder*, prefixed by its replica."""

    def __init__(self, folder: Path, *, tail: int | None = None) -> None:
        self._folder = folder
        self._tail = tail
        self._offsets: dict[Path, int] = {}
        self._rests: dict[Path, bytes] = {}

    def first(self, *, whole: bool = False) -> list[str]:
        """Return what is there, the last *tail* lines of each replica.

        With *whole* a last line without an end counts as a line.
        """
        lines: list[str] = []
        for path in self._paths():
            own = self._read(path)
            if whole:
                own += self._rest(path)
            if self._tail is not None:
                own = own[-self._tail :] if self._tail else []
            lines += own
        return lines

    def more(self) -> list[str]:
        """Return the lines that came since."""
        return [line for path in self._paths() for line in self._read(path)]

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.log"), key=_age)

    def _read(self, path: Path) -> list[str]:
        data = self._rests.pop(path, b"") + self._new_bytes(path)
        *whole, rest = data.split(b"\n")
        if len(rest) > CHUNK_BYTES:
            whole, rest = [*whole, rest], b""
        if rest:
            self._rests[path] = rest
        return [_shown(path, line) for line in whole]

    def _rest(self, path: Path) -> list[str]:
        rest = self._rests.pop(path, b"")
        return [_shown(path, rest)] if rest else []

    def _new_bytes(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                start = self._offsets.get(path, max(0, size - DEFAULT_TAIL_BYTES))
                start = start if start <= size else 0
                file.seek(start)
                data = file.read(size - start)
        except OSError:
            return b""
        self._offsets[path] = start + len(data)
        return data


async def lines(folder: Path, *, follow: bool, tail: int | None) -> AsyncIterator[str]:
    """Yield the log lines of a service; with *follow* until the caller stops.

    Where it does not follow, a last line without an end is yielded, too.
    """
    reader = LogReader(folder, tail=tail)
    for line in await asyncio.to_thread(reader.first, whole=not follow):
        yield line
    while follow:
        await asyncio.sleep(POLL_SECONDS)
        for line in await asyncio.to_thread(reader.more):
            yield line


async def keep_bounded(folder: Path) -> None:
    """Begin anew, until cancelled, every log below *folder* that has grown too long."""
    while True:
        await asyncio.to_thread(bound, folder)
        await asyncio.sleep(BOUND_SECONDS)


def bound(folder: Path, *, most: int = MAX_BYTES) -> None:
    """Empty every log below *folder* that is longer than *most* bytes; it then says so.

    Replicas append: what they write next follows, though they keep the file open.
    """
    for path in folder.rglob("*.log"):
        try:
            if path.stat().st_size <= most:
                continue
            os.truncate(path, 0)
            with path.open("ab") as file:
                file.write(b"(what was here before is dropped: the log is full)\n")
        except OSError:
            continue


def last_bytes(path: Path, count: int = 8192) -> str:
    """Return the end of a file as text; empty where there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - count))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _shown(path: Path, line: bytes) -> str:
    return f"[{path.stem}] {line.decode(errors='replace').rstrip(chr(13))}"


def _age(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_ctime, path.name
    except OSError:
        return 0.0, path.name
