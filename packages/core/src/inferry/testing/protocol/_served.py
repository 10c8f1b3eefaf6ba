"""One model server as a process, as a user starts it: ports, log, memory, end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LOG_SHOWN = 4000


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """``python -m inferry_server`` on free ports of the loopback address.

    ``http``, ``grpc`` and ``management`` are addresses as tritonclient takes them;
    the log is a file in *folder*. A pytest that uses it fails with the end of the log
    when the server does not come up.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        seconds: float = 120,
    ) -> None:
        http, grpc, management = free_port(), free_port(), free_port()
        self.http = f"127.0.0.1:{http}"
        self.grpc = f"127.0.0.1:{grpc}"
        self.management = f"127.0.0.1:{management}"
        self.url = f"http://{self.http}"
        #: Made once: what a client of HTTPS needs takes longer than many requests.
        self._client = httpx.Client(
            base_url=self.url,
            timeout=30,
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self.log = folder / f"server-{http}.log"
        ports = (
            f"--http_port={http}",
            f"--grpc_port={grpc}",
            f"--management_port={management}",
        )
        with self.log.open("wb") as sink:
            self.process = subprocess.Popen(  # noqa: S603 - our own arguments
                [sys.executable, "-m", "inferry_server", *arguments, *ports],
                cwd=folder,
                env=_environment(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        self._wait_ready(seconds)

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    @property
    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8", errors="replace")[-_LOG_SHOWN:]

    @property
    def memory(self) -> int:
        """The bytes of memory that the process holds now (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
        return int(found[1]) * 1024 if found else 0

    def request(
        self,
        method: str,
        path: str,
        **rest: Any,  # noqa: ANN401 - as for httpx.request
    ) -> httpx.Response:
        """Send one HTTP request to *path* on a connection of its own."""
        return self._client.request(method, path, **rest)

    def stop(self, seconds: float = 30) -> int:
        """Send SIGTERM and return the exit code; kill what does not end in time."""
        self._client.close()
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            pytest.fail(f"the server did not end in {seconds} s; its log:\n{self.said}")

    def _wait_ready(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.alive:
            try:
                if self.request("GET", "/v2/health/ready").is_success:
                    return
                if self._has_failed():
                    break
            except httpx.TransportError:
                pass  # not listening yet
            time.sleep(0.05)
        said = self.said
        self.process.kill()
        self.process.wait()
        pytest.fail(f"the server is not ready; its log:\n{said}")

    def _has_failed(self) -> bool:
        """Say whether none of its models serves or ever will."""
        answer = self.request("POST", "/v2/repository/index")
        models = answer.json() if answer.is_success else []
        return bool(models) and all(each["state"] == "UNAVAILABLE" for each in models)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return this environment without the user's own settings of Inferry."""
    kept = {key: text for key, text in os.environ.items() if "INFERRY" not in key}
    return kept | dict(more)
