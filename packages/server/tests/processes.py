"""Servers as processes, as a container starts and stops them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


def command(*flags: str) -> list[str]:
    code = "import runpy; runpy.run_module('inferry_server', run_name='__main__')"
    return [sys.executable, "-c", code, *flags]


def environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME")}
    return kept | {"PYTHONPATH": str(HERE)}


@contextmanager
def process(
    *flags: str, target: str = "served_models:Iris", shell: str = 'exec "$@"'
) -> Iterator[tuple[subprocess.Popen[str], httpx.Client, list[str]]]:
    """Run the server; gives the process, a client and the lines of its log so far.

    *shell* is the script that starts it.
    """
    flags = (f"--model_class={target}", "--http_port=0", *flags)
    with subprocess.Popen(
        ["/bin/sh", "-c", shell, "sh", *command("--model_name=m", *flags)],
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd=HERE,
    ) as running:
        lines = []
        port = None
        for line in running.stderr:
            lines.append(line)
            found = re.search(r"listening on http://127.0.0.1:(\d+)", line)
            if found:
                port = int(found[1])
                break
        assert port, lines
        rest = threading.Thread(target=lambda: lines.extend(running.stderr))
        rest.start()
        try:
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", trust_env=False
            ) as client:
                yield running, client, lines
        finally:
            running.kill()
            rest.join()


def until_ready(
    client: httpx.Client,
    path: str = "/v2/health/ready",
    *,
    status: int = 200,
    phase: str | None = None,
) -> None:
    for _ in range(200):
        reply = client.get(path)
        if reply.status_code == status and reply.json().get("phase") == phase:
            return
        time.sleep(0.05)
    pytest.fail("not ready after 10 s")


def port_of(lines: list[str], scheme: str) -> int:
    """Return the port that a server's log names for *scheme*."""
    for _ in range(100):
        for line in lines:
            found = re.search(rf"listening on {scheme}://127.0.0.1:(\d+)", line)
            if found:
                return int(found[1])
        time.sleep(0.05)
    pytest.fail(f"no port for {scheme}: {lines}")
