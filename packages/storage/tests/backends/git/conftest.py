"""A forge of its own for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fakes.forge import Forge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    folder = tmp_path / "forge"
    folder.mkdir()
    server = Forge(folder)
    yield server
    server.stop()
