"""What the benchmarks share: timing of whole processes, free ports, a table."""

from __future__ import annotations

import socket
import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the result: what was measured, and the bound it is held against."""

    what: str
    measured: str
    target: str
    met: bool


def interleaved(commands: dict[str, Sequence[str]], runs: int) -> dict[str, float]:
    """Return the median seconds of each command, run in turn to share the noise."""
    for command in commands.values():
        subprocess.run(command, check=True, capture_output=True)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            times[name].append(_timed(command))
    return {name: statistics.median(values) for name, values in times.items()}


def _timed(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def markdown(rows: Sequence[Row]) -> str:
    """Return *rows* as a Markdown table."""
    lines = ["| measured | result | target | met |", "|---|---|---|---|"]
    lines += [
        f"| {row.what} | {row.measured} | {row.target} | {_verdict(row)} |"
        for row in rows
    ]
    return "\n".join(lines)


def _verdict(row: Row) -> str:
    return "yes" if row.met else "**no**"
