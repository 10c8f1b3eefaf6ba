"""A server under test: pinned to its core, its whole process tree watched and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SERVER_CORE = 0
_MEBI = 2**20
_IDLE_SHARE = 0.03
_STEP = 0.1


class ServerError(Exception):
    """A server cannot be measured: its port is taken, or it does not start."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The memory of a process tree in MiB: peak resident, and proportional now."""

    peak_rss: float
    pss: float


class Server:
    """A process and its children."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.log = log
        self._process = process
        self._root = psutil.Process(process.pid)
        self._began = time.perf_counter()

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.perf_counter() - self._began

    @property
    def alive(self) -> bool:
        """Whether the process that was started still runs."""
        return self._process.poll() is None

    def cpu_seconds(self) -> float:
        """Return the processor time of the tree until now."""
        total = 0.0
        for process in self.tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def memory(self) -> Memory:
        """Return what the tree holds and has held."""
        peak = pss = 0.0
        for process in self.tree():
            with contextlib.suppress(OSError):
                peak += _status(process.pid, "status", "VmHWM") / 1024
                pss += _status(process.pid, "smaps_rollup", "Pss") / 1024
        return Memory(peak_rss=peak, pss=pss)

    def forget_peak(self) -> float:
        """Begin a new peak of resident memory; return the present one in MiB."""
        for process in self.tree():
            Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        return self.memory().peak_rss

    def wait_idle(self, patience: float = 20.0) -> None:
        """Wait until the tree rests, so that no cell pays for the one before it."""
        end = time.monotonic() + patience
        before = self.cpu_seconds()
        while time.monotonic() < end:
            time.sleep(_STEP)
            now = self.cpu_seconds()
            if now - before <= _IDLE_SHARE * _STEP + 0.01:
                return
            before = now

    def tree(self) -> list[psutil.Process]:
        """Return the processes there are."""
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def stop(self) -> None:
        """End every process of the tree."""
        tree = self.tree()
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        psutil.wait_procs(tree, timeout=10)
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(10)


def _status(pid: int, file: str, key: str) -> float:
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return float(line.split()[1])
    return 0.0


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    ports: Sequence[int],
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run *command* on the server's core; refuse if one of *ports* is taken."""
    for port in ports:
        refuse_taken(port)
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), *command],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
        )
    server = Server(process, log)
    try:
        yield server
    finally:
        server.stop()


def refuse_taken(port: int) -> None:
    """Raise if somebody listens on *port*: a stale server would answer for ours."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise ServerError(f"port {port} is taken: end what listens there first")
