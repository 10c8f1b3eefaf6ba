"""End processes that were started here, by pid and start time, within a bound."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable


def family(pids: Iterable[int]) -> list[psutil.Process]:
    """Return the processes of *pids* with all their descendants, those alive now.

    A `psutil.Process` knows its start time, so a pid that was taken over by a stranger
    is never signalled.
    """
    found: dict[int, psutil.Process] = {}
    for pid in pids:
        try:
            process = psutil.Process(pid)
            found[pid] = process
            found.update(
                (child.pid, child) for child in process.children(recursive=True)
            )
        except psutil.NoSuchProcess:
            continue
    found.pop(os.getpid(), None)
    return list(found.values())


def children_told(text: str) -> list[int]:
    """Return the children of this process with *text* in their arguments."""
    found = []
    for child in psutil.Process().children():
        try:
            if any(text in argument for argument in child.cmdline()):
                found.append(child.pid)
        except psutil.Error:
            continue
    return found


def end(processes: Iterable[psutil.Process], *, grace: float = 0.5) -> None:
    """Wait *grace* seconds for *processes* to end, then kill what is left."""
    _, alive = psutil.wait_procs(list(processes), timeout=grace)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=2)


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process, 0 once it is gone."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
