"""Every seed of the fuzzer, which are also the inputs that once were a fault."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from storage_input import try_input

SEEDS = sorted((Path(__file__).parent / "seeds").iterdir())


@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: path.name)
def test_a_seed_is_read_or_refused(seed: Path) -> None:
    try_input(seed.read_bytes())
