"""What stands in for Ray's agents clears up after a supervisor that was killed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import inferry_local

IDLE = Path(inferry_local.__file__).with_name("_idle.py")
#: Starts the arguments, says its pid, and is the parent until its input closes.
PARENT = """
import os, subprocess, sys
subprocess.Popen([*sys.argv[1:-2], sys.argv[-2] or str(os.getpid()), sys.argv[-1]])
sys.stdin.read()
"""


def gone(folder: Path, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.05)
    return not folder.exists()


def orphan(owner: str, folder: Path) -> None:
    """Run the stand-in with a parent that ends; no *owner* means that parent."""
    idle = [sys.executable, "-I", "-S", str(IDLE), owner, str(folder)]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, *idle], stdin=subprocess.PIPE
    )
    time.sleep(0.5)
    assert parent.stdin
    parent.stdin.close()
    parent.wait(10)


def test_the_folder_of_an_owner_that_is_gone_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    (folder / "ray").mkdir(parents=True)
    orphan("", folder)
    assert gone(folder, 15)


def test_the_folder_of_an_owner_that_lives_stays(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    with subprocess.Popen(["sleep", "60"]) as owner:
        orphan(str(owner.pid), folder)
        assert not gone(folder, 5)
        owner.kill()
