"""A bucket of its own for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fakes.bucket import Bucket

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    server = Bucket()
    yield server
    server.stop()
