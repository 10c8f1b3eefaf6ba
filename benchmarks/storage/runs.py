"""One download from its start to its end: how long, how much memory, which bytes."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage.blobs import Blob, differences
from storage.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LONGEST = 900


class DownloadError(Exception):
    """A download failed or gave other bytes; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """Seconds of wall and processor, and the greatest PSS of the tree in MiB."""

    client: str
    case: str
    round: int
    seconds: float
    cpu: float
    pss: float


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return this environment without what others have set for stores, and *more*."""
    prefixes = ("AWS_", "S3_", "INFERRY_", "HF_", "SSL_CERT")
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(prefixes) and not key.lower().endswith("_proxy")
    }
    return {**kept, **more}


def timed(
    command: Sequence[str], environment: Mapping[str, str], *, watched: bool = True
) -> tuple[float, float, float]:
    """Run *command*; return its seconds, its processor's and its peak memory in MiB.

    Raises:
        DownloadError: It failed; the message has the end of what it said.

    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    with subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        memory = Memory(process.pid)
        if watched:
            with memory:
                _, said = process.communicate(timeout=_LONGEST)
        else:
            _, said = process.communicate(timeout=_LONGEST)
        seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        text = said.decode(errors="replace")[-400:]
        raise DownloadError(f"{Path(command[0]).name} ended with {text}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu, memory.peak


def fresh(folder: Path) -> Path:
    """Return *folder* empty, after everything written before is on the disk."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.sync()
    return folder


def check(folder: Path, wanted: Mapping[str, Blob]) -> None:
    """Compare every byte of *folder*.

    Raises:
        DownloadError: Anything is missing, too much or different.

    """
    if wrong := differences(folder, wanted):
        raise DownloadError(f"{len(wrong)} files are wrong: {'; '.join(wrong[:3])}")
