"""The memory of a process and all its children, as long as it runs."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Self

_EVERY = 0.02


class Memory:
    """The greatest PSS of a process tree in MiB, looked at 50 times a second."""

    def __init__(self, pid: int) -> None:
        self.peak = 0.0
        self._pid = pid
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(_EVERY):
            self.peak = max(self.peak, sum(map(_pss, tree(self._pid))))


def tree(pid: int) -> list[int]:
    """Return *pid* and all its children."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except OSError:
                continue
    return found


def _pss(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(s.split()[1]) / 1024 for s in lines if s.startswith("Pss:")), 0.0)
