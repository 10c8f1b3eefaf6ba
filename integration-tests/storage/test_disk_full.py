"""A disk that is full: one typed error, the partial files gone, all others served."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from storage import pulling
from storage.blobs import Blob, differences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.faults import FaultProxy
    from storage.origin import Origin

MEBI = 2**20
ROOM = 24 * MEBI
SMALL = {"small.bin": Blob(2 * MEBI, seed=1)}
LARGE = {"large.bin": Blob(16 * MEBI, seed=2)}
TOO_LARGE = {"huge.bin": Blob(64 * MEBI, seed=3)}
FULL = 8


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of its own, with room for 24 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"only root may mount a disk: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def environment(
    disk: Path, origin: Origin, proxy: FaultProxy, tmp_path: Path
) -> dict[str, str]:
    for name, tree in (("small", SMALL), ("large", LARGE), ("huge", TOO_LARGE)):
        origin.blobs |= {f"models/{name}/{key}": blob for key, blob in tree.items()}
    cache = {"INFERRY_STORAGE__CACHE_DIR": str(disk / "cache")}
    return pulling.surroundings(tmp_path / "home", proxy.url, **cache)


def fetch(name: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return pulling.run([*pulling.CACHED, f"s3://models/{name}"], environment)


def free(disk: Path) -> int:
    return shutil.disk_usage(disk).free


def test_what_does_not_fit_is_refused_before_its_first_byte(
    disk: Path, environment: dict[str, str], proxy: FaultProxy
) -> None:
    done = fetch("huge", environment)
    assert done.returncode != 0
    assert "DiskFull" in done.stderr
    assert "Traceback" not in done.stderr
    assert proxy.sent == 0


def test_a_disk_that_fills_up_meanwhile_loses_no_other_model(
    disk: Path, environment: dict[str, str], proxy: FaultProxy
) -> None:
    done = fetch("small", environment)
    assert done.returncode == 0, done.stderr
    small = Path(json.loads(done.stdout)["path"])
    before = free(disk)

    def fill() -> None:
        with contextlib.suppress(OSError), (disk / "other").open("wb", 0) as file:
            file.write(bytes(ROOM))

    proxy.tell(2 * MEBI, fill)
    done = fetch("large", environment)
    assert done.returncode != 0
    assert "DiskFull" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert differences(small, SMALL) == []
    (disk / "other").unlink()
    assert before - free(disk) < 64 * 1024  # the partial file has gone
    done = fetch("large", environment)
    assert done.returncode == 0, done.stderr
    assert differences(Path(json.loads(done.stdout)["path"]), LARGE) == []


def test_the_init_container_ends_with_the_code_of_a_full_disk(
    disk: Path, environment: dict[str, str]
) -> None:
    done = pulling.pull("s3://models/huge", disk / "model", environment)
    assert done.returncode == FULL, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert {path.name for path in disk.iterdir()} <= {"cache"}
