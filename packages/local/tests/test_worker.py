"""A worker process ends with the raylet that started it, registered or not."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil

#: Starts a process that watches its parent, says its pid, and ends.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]])
print(child.pid, flush=True)
sys.stdin.read()
"""
CHILD = """
import time
from inferry_local._worker import end_with_parent
end_with_parent()
time.sleep(60)
"""


def test_a_worker_ends_with_its_parent() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdin
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    time.sleep(1)
    assert child.is_running()
    parent.stdin.close()
    parent.wait(10)
    parent.stdout.close()
    _, alive = psutil.wait_procs([child], timeout=10)
    assert alive == []
