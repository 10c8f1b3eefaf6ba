"""A hub of its own for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fakes.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    yield server
    server.stop()
