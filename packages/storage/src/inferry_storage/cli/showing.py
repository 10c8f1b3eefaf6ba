"""How a fetch is shown: a bar on a terminal, a line of JSON per event elsewhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from inferry_storage.cli.words import amount, span
from inferry_storage.events import Events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inferry_storage.progress import Progress


_NARROWEST, _WIDEST = 8, 40
#: What stands beside the bar, at its longest.
_WORDS = 64


@contextmanager
def shown(stream: TextIO | None = None) -> Iterator[Callable[[Progress], None]]:
    """Give what a fetch tells its progress to; *stream* is stderr if it is not said."""
    stream = stream or sys.stderr
    if stream.isatty():
        with _bar(stream) as tell:
            yield tell
    else:
        yield Events(stream).progress


@contextmanager
def _bar(stream: TextIO) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    console = Console(file=stream)
    # Of a fixed width, so that it stands still when the words become longer.
    width = max(_NARROWEST, min(_WIDEST, console.width - _WORDS))
    columns = (
        TextColumn("{task.fields[phase]:<10}"),
        BarColumn(bar_width=width),
        TextColumn("{task.fields[said]}"),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, phase="resolving", said="")

        def tell(now: Progress) -> None:
            bar.update(
                task,
                total=now.total_bytes or None,
                completed=now.done_bytes,
                phase=now.phase,
                said=said(now),
            )

        yield tell


def said(now: Progress) -> str:
    """Return bytes, files, rate, time and retries of a moment, as far as known."""
    if now.phase in {"resolving", "planning"}:
        return ""
    if now.phase == "waiting":
        return "another process is fetching the same model"
    total = f" of {amount(now.total_bytes)}" if now.total_bytes is not None else ""
    words = [f"{amount(now.done_bytes)}{total}"]
    if now.files_total > 1:
        words.append(f"{now.files_done}/{now.files_total} files")
    if now.rate_bytes:
        words.append(f"{amount(now.rate_bytes)}/s")
        if now.total_bytes is not None and now.phase == "fetching":
            left = max(0, now.total_bytes - now.done_bytes)
            words.append(f"{span(left / now.rate_bytes)} left")
    if now.retries:
        words.append(f"{now.retries} retries")
    return "  ".join(words)
