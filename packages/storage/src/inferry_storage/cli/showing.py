"""How a fetch is shown: a bar on a terminal, a line of JSON per event elsewhere."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from inferry_storage.cli.words import amount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inferry.errors import StorageError
    from inferry_storage.fetching import Fetched
    from inferry_storage.progress import Progress

#: A log need not hold more of a download than this, in seconds.
_EVERY = 5.0


@contextmanager
def shown(stream: TextIO | None = None) -> Iterator[Callable[[Progress], None]]:
    """Give what a fetch tells its progress to; *stream* is stderr if it is not said."""
    stream = stream or sys.stderr
    if stream.isatty():
        with _bar(stream) as tell:
            yield tell
    else:
        yield Events(stream).progress


class Events:
    """One JSON object per line: each new phase, and every few seconds in between."""

    def __init__(self, stream: TextIO, *, every: float = _EVERY) -> None:
        self._stream = stream
        self._every = every
        self._phase = ""
        self._told = float("-inf")

    def progress(self, progress: Progress) -> None:
        """Tell *progress*, if it is time."""
        now = time.monotonic()
        if progress.phase == self._phase and now - self._told < self._every:
            return
        self._phase, self._told = progress.phase, now
        told = msgspec.to_builtins(progress)
        told["rate_bytes"] = int(told["rate_bytes"])
        self.write("progress", told)

    def done(self, fetched: Fetched) -> None:
        """Tell that a model is complete."""
        self.write("done", result(fetched))

    def failed(self, error: StorageError) -> None:
        """Tell why there is no model."""
        self.write("error", failure(error))

    def write(self, event: str, told: dict[str, Any]) -> None:
        """Write one line."""
        print(json.dumps({"event": event, **told}), file=self._stream, flush=True)


def result(fetched: Fetched) -> dict[str, Any]:
    """Return what there is to know of a fetch, for JSON."""
    told: dict[str, Any] = msgspec.structs.asdict(fetched)
    return {**told, "path": str(fetched.path)}


def failure(error: StorageError) -> dict[str, Any]:
    """Return what there is to know of *error*, for JSON."""
    return {
        "kind": type(error).__name__,
        "reason": str(error.reason),
        "message": error.message,
        "remedy": error.remedy,
        "exit_code": error.exit_code,
    }


@contextmanager
def _bar(stream: TextIO) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.fields[phase]:<10}"),
        BarColumn(),
        TextColumn("{task.fields[said]}"),
    )
    console = Console(file=stream)
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
    """Return bytes, files, rate and retries of a moment, as far as there are any."""
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
    if now.retries:
        words.append(f"{now.retries} retries")
    return "  ".join(words)
