"""The guard: nothing of a server outlives who started it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from inferry_runtime_triton._process import Process, shm_prefix

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: A server of its own that starts another process and ignores a polite request.
STUBBORN = "trap '' TERM; sleep 300 & echo $! $$ > {file}; wait"


def _start(file: Path) -> Process:
    return Process(
        ("/bin/sh", "-c", STUBBORN.format(file=file)), dict(os.environ), shm_prefix()
    )


def _pids(file: Path) -> list[int]:
    _until(lambda: file.exists() and len(file.read_text().split()) == 2)
    return [int(each) for each in file.read_text().split()]


def _until(check: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not check():
        assert time.monotonic() < until
        time.sleep(0.02)


def _gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_stopping_ends_all_that_was_started(tmp_path: Path) -> None:
    process = _start(tmp_path / "pids")
    pids = _pids(tmp_path / "pids")

    process.stop()

    assert process.ended
    _until(lambda: all(map(_gone, pids)))


def test_nothing_is_left_when_who_started_it_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\n"
        "from inferry_runtime_triton._process import Process, shm_prefix\n"
        f"command = ('/bin/sh', '-c', {STUBBORN.format(file=tmp_path / 'pids')!r})\n"
        "Process(command, dict(os.environ), shm_prefix())\n"
        "time.sleep(300)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    pids = _pids(tmp_path / "pids")

    parent.kill()
    parent.wait()

    _until(lambda: all(map(_gone, pids)))


def test_memory_of_the_server_is_removed(tmp_path: Path) -> None:
    prefix = shm_prefix()
    process = Process(
        ("/bin/sh", "-c", f"touch /dev/shm/{prefix}one"), dict(os.environ), prefix
    )

    assert process.wait(30)
    assert not os.path.exists(f"/dev/shm/{prefix}one")  # noqa: PTH110 - no Path of it
    del tmp_path


@pytest.mark.parametrize(
    ("command", "said"),
    [("exit 3", "exit code 3"), ("kill -9 $$", "SIGKILL")],
)
def test_how_it_ended_is_told(command: str, said: str) -> None:
    process = Process(("/bin/sh", "-c", command), dict(os.environ), shm_prefix())

    assert process.wait(30)
    assert process.how_it_ended == said


def test_logs_are_passed_on_by_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "inferry_runtime_triton.server")
    lines = (
        'I1122 01:02:03.000004 5 server.cc:6] "it starts"',
        "+------+",
        'W1122 01:02:03.000004 5 server.cc:6] "it is odd"',
        'E1122 01:02:03.000004 5 server.cc:6] "it fails"',
    )
    script = "\n".join(f"echo '{line}'" for line in lines)
    process = Process(
        ("/bin/sh", "-c", f"{script}\nexit 1"), dict(os.environ), shm_prefix()
    )

    assert process.wait(30)
    assert [(each.levelname, each.message) for each in caplog.records] == [
        ("INFO", "it starts"),
        ("DEBUG", "+------+"),
        ("WARNING", "it is odd"),
        ("ERROR", "it fails"),
    ]
    assert process.how_it_ended == "exit code 1: it fails"


def test_a_key_press_for_us_is_none_for_the_server(tmp_path: Path) -> None:
    ours = signal.getsignal(signal.SIGINT)
    process = _start(tmp_path / "pids")
    pids = _pids(tmp_path / "pids")

    assert all(os.getpgid(pid) != os.getpgid(0) for pid in pids)
    assert os.getsid(pids[1]) != os.getsid(0)
    process.stop()
    assert signal.getsignal(signal.SIGINT) is ours
