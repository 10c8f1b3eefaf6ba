"""What the tests of the transfer share; the stores they read are in `fakes`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from inferry_storage.policy import Policy
from inferry_storage.progress import Reporter
from inferry_storage.transfer import (
    Transferred,
    arriving,
    patience,
    plan,
    preparing,
    transfer,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fakes.store import Store

    from inferry.storage import Entry, Snapshot

KIB = 1024


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "partial"
    made.mkdir()
    return made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once, and call large what a test can hold."""
    monkeypatch.setattr(patience, "_BACKOFF", 0)
    monkeypatch.setattr(patience, "LEAST_PROGRESS", KIB)
    monkeypatch.setattr(preparing, "SMALL", 8 * KIB)
    monkeypatch.setattr(plan, "_SMALLEST_PART", 64 * KIB)
    monkeypatch.setattr(plan, "_LARGEST_PART", 256 * KIB)
    monkeypatch.setattr(plan, "_MIB", KIB)
    monkeypatch.setattr(arriving, "_STEP", 32 * KIB)


@pytest.fixture
def run(folder: Path) -> Callable[..., Awaitable[Transferred]]:
    async def fetched(
        store: Store,
        what: Snapshot | None = None,
        *,
        have: Callable[[Entry], Path | None] | None = None,
        reporter: Reporter | None = None,
        **settings: object,
    ) -> Transferred:
        snapshot = what or store.snapshot()
        given = {"stall_seconds": 5.0, "workers": 4, **settings}
        return await transfer(
            snapshot,
            store,
            folder,
            policy=Policy(cache_dir=folder, **given),
            reporter=reporter
            or Reporter("acme://host/a", [e.size for e in snapshot.entries], None),
            have=have,
        )

    return fetched
