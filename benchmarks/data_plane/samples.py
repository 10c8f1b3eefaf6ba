"""What was measured, round by round, and the medians of it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Below this share of its core a server at many connections was held up by others.
FULL_CORE = 0.95
MANY_CONNECTIONS = 8


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One window of one cell: requests a second, microseconds, share of the core.

    ``core_idle`` is the share of the server's core that nobody used in the window.
    """

    peer: str
    cell: str
    round: int
    connections: int
    requests: int
    rate: float
    p50: float
    p99: float
    cpu: float
    share: float
    core_idle: float

    @property
    def disturbed(self) -> bool:
        """Whether something else had the server's core: such a window says nothing.

        A core that idles was not taken away: that server waits for something by its
        own design, and is slow for it.
        """
        taken = 1 - self.share - self.core_idle
        return (
            self.connections >= MANY_CONNECTIONS
            and self.share < FULL_CORE
            and taken > 1 - FULL_CORE
        )


@dataclass(frozen=True, kw_only=True)
class Start:
    """One start: seconds until the first right answer, and MiB after iris."""

    peer: str
    round: int
    seconds: float
    peak_rss: float = 0.0
    pss: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The median of some values, with the least and the greatest."""

    median: float
    low: float
    high: float
    count: int


def spread(values: Iterable[float]) -> Spread | None:
    """Return the spread of *values*, None if there are none."""
    found = sorted(values)
    if not found:
        return None
    return Spread(
        median=statistics.median(found), low=found[0], high=found[-1], count=len(found)
    )


def rates(
    samples: Iterable[Sample], cell: str, *, by_cpu: bool = False
) -> dict[str, Spread]:
    """Return the requests a second of each server in *cell*, without the disturbed.

    With *by_cpu*, requests a second of the server's own processor time: what others
    take from the core does not count, so that no window is lost to them.
    """
    kept: dict[str, list[float]] = {}
    for sample in samples:
        if sample.cell == cell and (by_cpu or not sample.disturbed):
            value = 1e6 / sample.cpu if by_cpu and sample.cpu else sample.rate
            kept.setdefault(sample.peer, []).append(value)
    return {peer: found for peer, values in kept.items() if (found := spread(values))}
