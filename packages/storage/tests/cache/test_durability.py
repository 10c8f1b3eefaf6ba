"""What is on the disk, and what may be after another boot."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from inferry_storage.cache import durability

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_boot_has_a_name() -> None:
    assert durability.boot() == durability.boot() != ""


def test_a_system_that_does_not_say_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durability, "_BOOT", tmp_path / "missing")

    assert durability.boot() == ""


def test_one_sync_serves_all_that_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(durability, "sync", synced.append)
    syncer, done = durability.Syncer(delay=0.05), threading.Barrier(2, timeout=10)
    order: list[int] = []

    syncer.soon(tmp_path, lambda: order.append(1))
    syncer.soon(tmp_path, lambda: done.wait() and None)

    done.wait()
    assert (synced, order) == ([tmp_path], [1])


def test_a_folder_is_synced(tmp_path: Path) -> None:
    durability.sync(tmp_path)
