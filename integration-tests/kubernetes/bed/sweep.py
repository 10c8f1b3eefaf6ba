"""Removes what a node leaves: ``python sweep.py FOLDER CGROUP``.

Only what carries the folder or the cgroup is touched: the containers in the cgroup, the
programs that watch over them, mounts, and at the end the cgroup itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_TRIES = 50


def sweep(folder: Path, cgroup: str) -> None:
    """Kill, unmount and remove."""
    hierarchies = [_CGROUPS, *(path for path in _CGROUPS.iterdir() if path.is_dir())]
    roots = [path / cgroup for path in hierarchies if (path / cgroup).is_dir()]
    for _ in range(_TRIES):
        pids = {*_in_cgroups(roots), *_watchers(folder)}
        if not pids:
            break
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    for mount in _mounts(folder):
        subprocess.run(["umount", "-l", mount], capture_output=True, check=False)
    for root in roots:
        _remove(root)


def _in_cgroups(roots: list[Path]) -> set[int]:
    found: set[int] = set()
    for root in roots:
        for file in root.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                found |= {int(line) for line in file.read_text().split()}
    return found


def _watchers(folder: Path) -> set[int]:
    """The shims of containerd have the address of its socket as an argument."""
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().decode(errors="replace")
            is_shim = "containerd-shim" in words.partition("\0")[0]
            if is_shim and str(folder) in words:
                found.add(int(entry.name))
    return found


def _mounts(folder: Path) -> list[str]:
    """The innermost first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].replace("\\040", " ") for line in lines]
    return [point for point in reversed(points) if point.startswith(f"{folder}/")]


def _remove(root: Path) -> None:
    folders = [path for path in root.rglob("*") if path.is_dir()]
    for folder in (*sorted(folders, key=lambda path: -len(path.parts)), root):
        with contextlib.suppress(OSError):
            folder.rmdir()


if __name__ == "__main__":
    sweep(Path(sys.argv[1]), sys.argv[2])
