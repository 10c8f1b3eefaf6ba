"""A share of its own for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fakes.share import Share

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def share() -> Iterator[Share]:
    server = Share()
    yield server
    server.stop()
