"""Somebody who follows a page of the documentation in an empty folder."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from running import REPOSITORY, clean_environment, free_port

BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What other checks execute: the demo has its test, nox is what runs this one, and the
#: environment of this test is what pip would install.
ELSEWHERE = (
    'pip install "nox[uv]" && nox -s demo',
    'pip install "nox[uv]" && nox',
    'pip install --find-links dist "inferry[local,onnx,python,sklearn]"',
)


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block: its language, the file it is saved as, and its text."""

    language: str
    file: str
    text: str


def blocks(page: str) -> list[Block]:
    """Return every fenced block of *page*."""
    text = (REPOSITORY / page).read_text()
    return [
        Block(language=match[1], file=match[2] or "", text=match[3])
        for match in BLOCK.finditer(text)
    ]


class Reader:
    """Saves, runs and compares one block after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.printed = ""
        self.running: subprocess.Popen[bytes] | None = None
        #: The servers of `python -m inferry_server`, and the ports that stand for those
        #: on the page.
        self.servers: dict[int, subprocess.Popen[bytes]] = {}
        self.ports = {"8080": self.port}
        self.environment = clean_environment(
            INFERRY_LOCAL__PORT=str(self.port),
            INFERRY_PORT=str(self.port),
            PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        )

    def follow(self, block: Block) -> None:
        """Save the block, run it, or compare it with what the last one printed."""
        if block.file:
            (self.folder / block.file).write_text(block.text)
        elif block.language == "json":
            assert json.loads(self.printed) == json.loads(block.text)
        elif block.language == "text" or block.text.strip() in ELSEWHERE:
            return
        elif block.text.startswith("inferry run"):
            self.serve(block.text.strip())
        elif re.match(r"python -m inferry_server .*--http_port", block.text):
            self.start(self.ported(block.text.strip()))
        else:
            self.execute(block.text)

    def serve(self, command: str) -> None:
        """Start *command* in place of what runs, and wait until it answers."""
        self.stop()
        self.running = self.spawn(command, self.port)

    def start(self, command: str) -> None:
        """Start *command*, a server, in place of the one that has its port."""
        port = int(re.search(r"--http_port[= ](\d+)", command)[1])
        self.end(self.servers.pop(port, None))
        self.servers[port] = self.spawn(command, port)

    def spawn(self, command: str, port: int) -> subprocess.Popen[bytes]:
        """Start *command* and wait until it is ready on *port*."""
        log = self.folder / f"run-{port}.log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self.folder,
                env=self.environment,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        until = time.monotonic() + 120
        ready = f"curl -fs http://127.0.0.1:{port}/v2/health/ready"
        while subprocess.run(ready.split(), check=False).returncode:
            if time.monotonic() > until or process.poll() is not None:
                process.kill()
                pytest.fail(f"{command}: {log.read_text()}")
            time.sleep(0.2)
        return process

    def ported(self, command: str) -> str:
        """Put free ports for those of the page; this test may run beside another."""

        def free(match: re.Match[str]) -> str:
            return str(self.ports.setdefault(match[0], free_port()))

        return re.sub(r"(?<=[:= ])80[89][0-9]\b", free, command)

    def execute(self, command: str) -> None:
        """Run *command* to its end; it must succeed."""
        command = self.ported(command)
        done = subprocess.run(
            ["bash", "-ec", command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        self.printed = done.stdout

    def stop(self) -> None:
        """Press Ctrl-C where something runs; it must end with 0."""
        self.end(self.running)
        self.running = None
        while self.servers:
            self.end(self.servers.popitem()[1])

    def end(self, process: subprocess.Popen[bytes] | None) -> None:
        """Press Ctrl-C where *process* runs; it must end with 0."""
        if process is not None:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
