"""One run of tritonserver: its process, its ports and what it logs."""

from __future__ import annotations

import logging
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from inferry.errors import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

logger = logging.getLogger("inferry_runtime_triton.server")

#: Seconds that the server has to end by itself once it is told to.
GRACE = 2.0
_LINE = re.compile(r"([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+ \d+ (\S+)\] ?(.*)")
_LEVELS = {
    "I": logging.INFO,
    "W": logging.WARNING,
    "E": logging.ERROR,
    "F": logging.CRITICAL,
}
_NO_GPU = (
    "CudaDriverHelper has not been initialized",
    "CUDA driver version is insufficient",
    "no pinned memory pool",
)
_LAST = 20
_LONGEST = 2000
_SIGNALLED = 128


class Ports(msgspec.Struct, frozen=True):
    """Where one run listens, on the loopback address."""

    http: int
    grpc: int


def free_ports() -> Ports:
    """Return two ports that nobody listens on now."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return Ports(one.getsockname()[1], other.getsockname()[1])


class Process:
    """Runs *command* under the guard; memory in /dev/shm begins with *prefix*."""

    def __init__(
        self, command: Sequence[str], environ: Mapping[str, str], prefix: str
    ) -> None:
        guard = Path(__file__).with_name("_guard.py")
        self._last: deque[str] = deque(maxlen=_LAST)
        self._process = subprocess.Popen(  # noqa: S603 - the settings name the binary
            [sys.executable, "-I", "-S", guard, prefix, str(GRACE), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            start_new_session=True,
        )
        self._reader = threading.Thread(
            target=self._pass_on_logs, name="inferry-triton-log", daemon=True
        )
        self._reader.start()

    @property
    def ended(self) -> bool:
        """Whether the server is gone."""
        return self._process.poll() is not None

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the server is gone; False if it is not after *seconds*."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._reader.join(1)
        if self._process.stdin is not None:
            self._process.stdin.close()
        return True

    def stop(self) -> None:
        """End the server and all that it has started."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if not self.wait(GRACE + 5):
            self._process.kill()  # the guard; the server dies with it
            self.wait(5)

    @property
    def how_it_ended(self) -> str:
        """How the server ended, with the last error that it logged."""
        code = self._process.returncode
        if code is None:
            return "it runs"
        how = f"exit code {code}"
        if code > _SIGNALLED:
            number = code - _SIGNALLED
            known = {each.value: each.name for each in signal.Signals}
            how = known.get(number, f"signal {number}")
        said = next(reversed(self._last), "")
        return f"{how}: {said}" if said else how

    def _pass_on_logs(self) -> None:
        stream = self._process.stdout
        if stream is None:
            return
        level = logging.INFO
        with stream:
            while raw := stream.readline(_LONGEST):
                level = self._log(raw.decode(errors="replace").rstrip(), level)

    def _log(self, line: str, level: int) -> int:
        """Log *line*; one without a head of its own goes on with the last *level*."""
        found = _LINE.match(line)
        text = printable(found[3] if found else line).strip('"')
        if found:
            level = _LEVELS[found[1]]
        if any(each in text for each in _NO_GPU):
            level = logging.DEBUG  # which is no error on a machine without one
        elif line.startswith(("+", "|")):
            logger.debug("%s", text)  # a table that is for people at a terminal
            return level
        if text:
            logger.log(level, "%s", text)
            if level >= logging.ERROR:
                self._last.append(text)
        return level


def shm_prefix() -> str:
    """Return a name for shared memory that no other server has."""
    return f"inferry_{os.getpid()}_{secrets.token_hex(4)}_"
