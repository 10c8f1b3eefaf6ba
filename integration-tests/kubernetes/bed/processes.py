"""A program that runs as long as the test run and no longer."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")

_STOP_SECONDS = 3
_SET_PARENT_DEATH_SIGNAL = 1
_LIBC = ctypes.CDLL(None)


class ProcessFailed(Exception):
    """A program that ended or did not become ready; the text has its last lines."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a process has used: CPU in seconds, resident memory now and at most."""

    cpu: float
    memory: int
    peak: int


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address that nobody listens on now."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Process:
    """A program in a process group of its own, with a log that grows over restarts.

    The kernel kills it when the thread that started it ends, so that it does not
    outlive a test run that was killed: start it from the main thread. *environment* is
    all of its environment; without, it has that of the test run.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        name: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.command = [str(part) for part in command]
        self.name = name or Path(self.command[0]).name
        self.folder = folder
        self.log = folder / f"{self.name}.log"
        self.environment = os.environ if environment is None else environment
        self._child: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, again after it has ended."""
        with self.log.open("ab") as sink:
            self._child = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - it asks the kernel only
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._running.poll() is None

    @property
    def usage(self) -> Usage:
        """What it has used since its last start, without its children."""
        return usage_of(self.pid)

    def tail(self, characters: int = 3000) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-characters:]

    def wait_until(
        self, ready: Callable[[], T | None], what: str, seconds: float = 60
    ) -> T:
        """Return what *ready* gives once it is true; an `OSError` of it means not yet.

        Raises:
            ProcessFailed: The program ended, or it took longer.

        """
        until = time.monotonic() + seconds
        while self.alive and time.monotonic() < until:
            try:
                if found := ready():
                    return found
            except OSError:
                pass
            time.sleep(0.03)
        state = "is not ready" if self.alive else f"ended with {self._running.poll()}"
        raise ProcessFailed(f"{self.name} {state} ({what}):\n{self.tail()}")

    def signal(self, number: signal.Signals) -> None:
        """Send it, and it alone, a signal."""
        self._running.send_signal(number)

    def kill(self) -> None:
        """Kill it and all its children at once."""
        self._end(signal.SIGKILL)

    def stop(self, seconds: float = _STOP_SECONDS) -> int:
        """Ask it to end, twice, then kill it; return its exit status.

        An API server waits after the first SIGTERM for the watches of others, and ends
        at the second.
        """
        for number in (signal.SIGTERM, signal.SIGTERM):
            if self.alive:
                self.signal(number)
            try:
                code = self._running.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
            self._end(signal.SIGKILL)  # what it left behind in its group
            return code
        self.kill()
        return self._running.wait()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise ProcessFailed(f"{self.name} was not started")
        return self._child

    def _end(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)
        self._running.wait()


def usage_of(pid: int) -> Usage:
    """Return what the process *pid* has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    said = dict(line.split(":", 1) for line in lines if ":" in line)
    return Usage(
        cpu=(int(fields[11]) + int(fields[12])) / ticks,
        memory=int(said["VmRSS"].split()[0]) * 1024,
        peak=int(said["VmHWM"].split()[0]) * 1024,
    )


def _die_with_parent() -> None:
    """SIGKILL, because an API server without etcd never ends after a SIGTERM."""
    _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
