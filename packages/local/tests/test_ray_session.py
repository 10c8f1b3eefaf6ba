"""What a Ray session promises about its processes, seen from outside of it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERRUPTED = """
import asyncio, sys, time
from pathlib import Path
import psutil
from inferry_local.ray_session import RaySession

async def main():
    session = RaySession(Path(sys.argv[1]))
    starting = asyncio.create_task(session.start())
    while not psutil.Process().children():
        await asyncio.sleep(0.02)
    starting.cancel()
    await session.stop()
    print([process.name() for process in psutil.Process().children(recursive=True)])

asyncio.run(main())
"""
DRIVER = """
import asyncio, sys
from pathlib import Path
from inferry_local.ray_session import RaySession

async def main():
    session = RaySession(Path(sys.argv[1]))
    await session.start()
    await session.keep_spare()
    print("started", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
SECONDS_TO_DIE = 10


@pytest.fixture
def driver(short_folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(short_folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Return a folder whose path leaves room for Ray's sockets below it."""
    with tempfile.TemporaryDirectory(
        prefix="inferry-test-", ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def test_no_process_outlives_a_killed_driver(driver: subprocess.Popen[str]) -> None:
    family = psutil.Process(driver.pid).children(recursive=True)
    assert any(process.name() == "gcs_server" for process in family)
    assert any(process.name().startswith("ray::") for process in family)
    driver.kill()
    _, errors = driver.communicate()
    _, alive = psutil.wait_procs(family, timeout=SECONDS_TO_DIE)
    assert [process.name() for process in alive] == []
    assert errors == ""


def test_only_what_is_used_of_ray_runs(driver: subprocess.Popen[str]) -> None:
    try:
        time.sleep(1)
        names = sorted(
            " ".join(process.cmdline())
            for process in psutil.Process(driver.pid).children(recursive=True)
        )
    finally:
        driver.kill()
        driver.communicate()
    for unwanted in ("dashboard", "monitor", "agent/main.py", "log_monitor"):
        commands = [name for name in names if unwanted in name.split("--")[0]]
        assert commands == []


def test_a_start_that_is_given_up_leaves_nothing(short_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(short_folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
