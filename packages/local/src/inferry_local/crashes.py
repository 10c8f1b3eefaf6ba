"""Find out why a replica's process ended, from what is left of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from inferry.status import Reason
from inferry_local.logs import last_bytes
from inferry_local.records import Failure

if TYPE_CHECKING:
    from inferry_local.records import ReplicaRecord

#: What the kernel counts of processes it killed because memory ran out.
COUNTERS = (
    Path("/proc/vmstat"),
    Path("/sys/fs/cgroup/memory.events"),
)
_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)
#: Python's fault handler names the signal; it cannot see SIGKILL.
_FATAL = re.compile(r"Fatal Python error: (.+)")
#: A process that held this much of the machine's memory died of that, most likely.
_MOST_OF_MEMORY = 0.7


def memory_kills(counters: tuple[Path, ...] = COUNTERS) -> int:
    """Return how many processes the kernel has killed for memory so far."""
    total = 0
    for path in counters:
        try:
            found = _KILLS.search(path.read_text(encoding="ascii", errors="replace"))
        except OSError:
            continue
        total += int(found[1]) if found else 0
    return total


def diagnose(
    replica: ReplicaRecord | None, log: Path | None, *, kills_before: int, crashes: int
) -> Failure:
    """Say why replicas like *replica* ended *crashes* times in a row."""
    often = f"the replica's process ended {crashes} times"
    if replica is None or replica.ready_since is None:
        often += " while the model loaded"
    fatal = _FATAL.search(last_bytes(log)) if log else None
    if fatal:
        return Failure(
            reason=Reason.ReplicaCrashed, message=f"{often}: {fatal[1].strip()}"
        )
    peak = replica.peak_bytes if replica else 0
    mostly = peak > _MOST_OF_MEMORY * psutil.virtual_memory().total
    if memory_kills() > kills_before or mostly:
        held = f", holding {peak // 2**20} MiB" if peak else ""
        return Failure(
            reason=Reason.OutOfMemory,
            message=f"{often}: the system ran out of memory{held}",
        )
    return Failure(
        reason=Reason.ReplicaCrashed,
        message=f"{often}, without a trace: it was killed, or the model ended it",
    )
