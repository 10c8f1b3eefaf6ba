"""Code in models: found without running any of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from inferry_storage.policy import Policy


def scan(folder: Path, uri: str, policy: Policy, *, trusted: bool = False) -> None:
    """Refuse a model that runs code when it is loaded."""
