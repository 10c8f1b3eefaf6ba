"""A real ``inferry run`` in a process of its own, asked over HTTP as a user would."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

REPOSITORY = Path(__file__).resolve().parents[1]
INFERRY = (sys.executable, "-m", "inferry")

#: A machine that does much besides is no failure; what a start takes is measured
#: elsewhere.
_PATIENT = {"INFERRY_LOCAL__START_TIMEOUT": "240"}

SERVICE = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: {name}
spec:
  predictor:
    model:
      modelFormat:
        name: {format}
      storageUri: {uri}
"""


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(**more: str) -> dict[str, str]:
    """Return this environment without the user's own settings."""
    kept = {key: text for key, text in os.environ.items() if "INFERRY" not in key}
    return kept | {"NO_COLOR": "1", "COLUMNS": "200"} | more


class Running:
    """One ``inferry run``, its log, and everything one asks of it."""

    def __init__(
        self, folder: Path, arguments: Sequence[str], environment: dict[str, str]
    ) -> None:
        self.port = free_port()
        self.folder = folder
        self.environment = clean_environment(
            INFERRY_PORT=str(self.port),
            XDG_CACHE_HOME=str(folder / "cache"),
            **_PATIENT | environment,
        )
        self.log = folder / f"run-{self.port}.log"
        with self.log.open("wb") as sink:
            self.process = subprocess.Popen(
                [*INFERRY, "run", *arguments, "--port", str(self.port)],
                cwd=folder,
                env=self.environment,
                stdout=sink,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self.url = f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another ``inferry`` command against this one."""
        return subprocess.run(
            [*INFERRY, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def services(self) -> dict[str, dict[str, Any]]:
        """Return the status of each service by name; empty while it starts."""
        done = self.command("get", "-A", "-o", "json")
        items = json.loads(done.stdout)["items"] if done.returncode == 0 else []
        return {item["metadata"]["name"]: item["status"] for item in items}

    def wait(self, name: str, *phases: str, seconds: float = 120) -> dict[str, Any]:
        """Wait until service *name* is in one of *phases* and return its status."""
        return self.wait_for(
            lambda: self._in_phase(name, phases), f"{name} to be {phases}", seconds
        )

    def _in_phase(self, name: str, phases: Sequence[str]) -> dict[str, Any] | None:
        status = self.services().get(name)
        return status if status and status["phase"] in phases else None

    def wait_for(
        self, check: Callable[[], T | None], what: str, seconds: float = 120
    ) -> T:
        """Wait until *check* gives something true; else fail with the log."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := check():
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.5)
        log = self.log.read_text(errors="replace")[-4000:]
        pytest.fail(f"waited {seconds} s for {what}; the log:\n{log}")

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """POST *body* as JSON to the gateway."""
        return httpx.post(self.url + path, json=body, headers=headers, timeout=30)

    def stop(self) -> int:
        """Press Ctrl-C, wait, and check that no process is left behind."""
        children = self.descendants()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        _, alive = psutil.wait_procs(children, timeout=5)
        left = [f"{child.pid} {' '.join(_cmdline(child))}" for child in alive]
        assert left == []
        return code

    def descendants(self) -> list[psutil.Process]:
        """Return every process that this run has started and that still lives."""
        if self.process.poll() is not None:
            return []
        return psutil.Process(self.process.pid).children(recursive=True)


def _cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
