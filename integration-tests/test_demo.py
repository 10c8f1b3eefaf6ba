"""The demo answers right, about real files and wines it has not seen."""

from __future__ import annotations

import subprocess
import sys

from running import REPOSITORY, clean_environment


def test_the_demo_prints_right_answers() -> None:
    done = subprocess.run(
        [sys.executable, "examples/demo/demo.py"],
        cwd=REPOSITORY,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["noxfile.py", "python"] in [line[:2] for line in lines]
    assert ["LICENSE", "txt"] in [line[:2] for line in lines]
    assert lines[-1] == ["every", "answer", "is", "right"]
