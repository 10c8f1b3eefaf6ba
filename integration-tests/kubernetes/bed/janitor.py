"""Undoes what a test run did to this machine, also when the run was killed.

It is a process that learns what to do later over its standard input, one command as
JSON a line; at the end of the input it runs them, the last first.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_SECONDS = 60


class Janitor:
    """The commands that are to be run when the test run ends, however it ends."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C is for the test run
            text=True,
        )

    def later(self, *command: str | Path) -> None:
        """Run *command* at the end, before those of earlier calls."""
        if self._child.stdin is None:
            raise RuntimeError("the janitor has no input")
        line = json.dumps([str(part) for part in command])
        self._child.stdin.write(f"{line}\n")
        self._child.stdin.flush()

    def close(self) -> None:
        """Run everything now and wait."""
        if self._child.stdin is not None:
            self._child.stdin.close()
        self._child.wait(_SECONDS)


def _main() -> None:
    commands = [json.loads(line) for line in sys.stdin]
    for command in reversed(commands):
        # What is already gone needs no undoing.
        subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)


if __name__ == "__main__":
    _main()
