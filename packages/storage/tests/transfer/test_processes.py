"""What holds for a whole process: killed anywhere, and never large."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fakes import alone
from fakes.alone import noted
from fakes.store import Store

from inferry_storage.policy import Policy
from inferry_storage.progress import Reporter
from inferry_storage.transfer import arriving, plan, preparing, transfer

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 2**20


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have parts as small as those of the other process."""
    monkeypatch.setattr(preparing, "SMALL", preparing.SMALL)
    monkeypatch.setattr(plan, "_SMALLEST_PART", plan._SMALLEST_PART)
    monkeypatch.setattr(plan, "_LARGEST_PART", plan._LARGEST_PART)
    monkeypatch.setattr(arriving, "_STEP", arriving._STEP)
    alone.settle()
    return


def started(folder: Path, way: str, slowly: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(Path(alone.__file__)), str(folder), way, slowly],
        stdout=subprocess.PIPE,
        text=True,
    )


def killed_at(process: subprocess.Popen[str], folder: Path, bytes_noted: int) -> None:
    """Kill *process* with SIGKILL once its journal has notes on so many bytes."""
    until = time.monotonic() + 30
    while noted(folder) < bytes_noted and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.001)
    process.kill()
    process.communicate()


def there(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("way", ["async", "blocking"])
@pytest.mark.parametrize("seed", range(3))
async def test_a_killed_process_loses_a_part_for_each_worker_at_most(
    seed: int, way: str, folder: Path
) -> None:
    files = alone.model()
    total = sum(map(len, files.values()))
    point = int(random.Random(seed).random() * total * 0.9)
    killed_at(started(folder, way, "slowly"), folder, point)
    before = noted(folder)

    store = Store(files)
    await transfer(
        store.snapshot(),
        store,
        folder,
        policy=Policy(cache_dir=folder, workers=alone.WORKERS),
        reporter=Reporter("acme://a"),
    )

    assert there(folder) == files
    assert store.served == total - before


@pytest.mark.parametrize("way", ["zeros", "zerosasync"])
def test_memory_does_not_grow_with_the_file(way: str, folder: Path) -> None:
    peaks = []
    for size in (16 * MIB, 300 * MIB):
        said, _ = started(folder, f"{way}{size}").communicate(timeout=60)
        peaks.append(int(said) / 1024)
        shutil.rmtree(folder)
        folder.mkdir()

    assert peaks[1] < 100
    assert peaks[1] - peaks[0] < 24
