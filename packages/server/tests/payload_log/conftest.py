"""The fixtures of the payload log's tests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import sinks

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sink() -> Iterator[sinks.Endpoint]:
    """An HTTP endpoint that keeps what it gets."""
    with sinks.endpoint() as known:
        yield known
