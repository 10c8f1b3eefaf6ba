"""Locks on files: one or many at a time, never longer than their process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

from inferry_storage.cache import locks

if TYPE_CHECKING:
    from pathlib import Path

HOLD = (
    "import sys, pathlib; from inferry_storage.cache import locks;"
    "lock = locks.take(pathlib.Path(sys.argv[1])); print(lock is not None, flush=True);"
    "sys.stdin.read()"
)


def test_one_has_it_at_a_time(tmp_path: Path) -> None:
    with locks.take(tmp_path / "lock") as held:
        assert held is not None
        assert locks.take(tmp_path / "lock") is None
        assert locks.take(tmp_path / "lock", shared=True) is None

    again = locks.take(tmp_path / "lock")
    assert again is not None
    again.release()
    again.release()


def test_many_share_it(tmp_path: Path) -> None:
    first = locks.take(tmp_path / "lock", shared=True)
    second = locks.take(tmp_path / "lock", shared=True)
    assert first is not None
    assert second is not None
    assert locks.take(tmp_path / "lock") is None
    first.release()
    second.release()


async def test_waiting_is_told_once(tmp_path: Path) -> None:
    held = locks.take(tmp_path / "lock")
    assert held is not None
    told: list[str] = []
    waiting = asyncio.create_task(
        locks.wait(tmp_path / "lock", on_wait=lambda: told.append("waiting"))
    )
    await asyncio.sleep(0.05)

    held.release()

    (await waiting).release()
    assert told == ["waiting"]


def test_it_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert locks.take(path) is None
        other.kill()

    lock = locks.take(path)
    assert lock is not None
    lock.release()


def test_a_removed_file_is_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    old = locks.take(path)
    assert old is not None
    path.unlink()

    new = locks.take(path)

    assert new is not None
    assert list(tmp_path.iterdir()) == [path]
    old.release()
    new.release()
