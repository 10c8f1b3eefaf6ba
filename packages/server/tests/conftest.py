"""The fixtures; what they give is in `serving`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import serving

if TYPE_CHECKING:
    from serving import Serve, SpecOf


@pytest.fixture
def serve() -> Serve:
    """Return what serves models for the time of a ``with`` block."""
    return serving.running


@pytest.fixture
def spec() -> SpecOf:
    """Return what makes the spec of one of `served_models`."""
    return serving.spec_of
