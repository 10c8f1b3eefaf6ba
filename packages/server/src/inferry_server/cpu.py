"""How many CPUs this process may use, so that runtimes can size their thread pools.

`os.cpu_count` counts the machine's; a container with a limit of two on a machine of
64 then starts 64 threads that wait for each other.
"""

from __future__ import annotations

import os
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_SELF = Path("/proc/self/cgroup")


def quota(root: Path = _ROOT, membership: Path = _SELF) -> float:
    """Return the CPUs this process may use: the least of affinity and cgroup limits.

    Both cgroup versions are read, from the process's own group up to the root, because
    a limit of an outer group holds for the inner ones. Never less than 0.01.
    """
    limits = [_affinity(), *_limits(root, membership)]
    return max(min(limits), 0.01)


def threads(root: Path = _ROOT, membership: Path = _SELF) -> int:
    """Return `quota` rounded up to whole threads, at least 1."""
    allowed = quota(root, membership)
    return max(1, int(allowed) + (allowed % 1 > 0))


def _affinity() -> float:
    if hasattr(os, "sched_getaffinity"):
        return float(len(os.sched_getaffinity(0)))
    return float(os.cpu_count() or 1)


def _limits(root: Path, membership: Path) -> list[float]:
    found: list[float] = []
    for folder, version in _groups(root, membership):
        limit = _READERS[version](folder)
        if limit is not None:
            found.append(limit)
    return found


def _groups(root: Path, membership: Path) -> list[tuple[Path, int]]:
    """List the folders that may hold a limit; lines read ``id:controllers:path``."""
    groups: list[tuple[Path, int]] = []
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = ["0::/", "1:cpu:/"]
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if not controllers:
            groups += [(folder, 2) for folder in _upwards(root, path)]
        elif "cpu" in controllers.split(","):
            groups += [(folder, 1) for folder in _upwards(root / "cpu", path)]
    return groups


def _upwards(root: Path, path: str) -> list[Path]:
    parts = [part for part in path.split("/") if part not in {"", ".."}]
    return [root.joinpath(*parts[:count]) for count in range(len(parts), -1, -1)]


def _read_v2(folder: Path) -> float | None:
    try:
        limit, period = (folder / "cpu.max").read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _read_v1(folder: Path) -> float | None:
    try:
        limit = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
        return None if limit <= 0 else limit / period
    except (OSError, ValueError, ZeroDivisionError):
        return None


_READERS = {1: _read_v1, 2: _read_v2}
