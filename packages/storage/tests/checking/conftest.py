"""Folders as a transfer leaves them, and the settings to check them by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inferry_storage.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@pytest.fixture
def policy(tmp_path: Path) -> Callable[..., Policy]:
    def made(**given: Any) -> Policy:
        return Policy(cache_dir=tmp_path / "cache", **given)

    return made


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[Mapping[str, bytes]], Path]:
    def made(files: Mapping[str, bytes]) -> Path:
        root = tmp_path / "tree"
        for name, data in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return root

    return made
