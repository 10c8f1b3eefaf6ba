"""Paths that this process uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_storage.cache import leases, locks

if TYPE_CHECKING:
    from pathlib import Path


def is_held(path: Path) -> bool:
    lock = locks.take(path)
    if lock is not None:
        lock.release()
    return lock is None


def hold(path: Path) -> None:
    lock = locks.take(path, shared=True)
    assert lock is not None
    leases.hold(path, lock)


def test_a_path_is_held_as_often_as_it_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "lease"
    hold(path)
    hold(path)

    leases.release(path)
    assert is_held(path)
    leases.release(path)
    assert not is_held(path)


def test_what_is_not_held_can_be_released(tmp_path: Path) -> None:
    leases.release(tmp_path)
