"""What the tests of bad models share; the servers they are put on are in `fakes`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from inferry_storage.transfer import patience

sys.path.insert(0, str(Path(__file__).parents[1]))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again at once: how long to wait is not what these tests are about."""
    monkeypatch.setattr(patience, "_BACKOFF", 0.001)
