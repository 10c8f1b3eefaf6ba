"""A cluster of its own for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fakes.cluster import Namenode

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def namenode() -> Iterator[Namenode]:
    server = Namenode()
    yield server
    server.stop()
