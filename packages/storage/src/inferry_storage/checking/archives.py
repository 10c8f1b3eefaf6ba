"""Archives: unpacked only when asked, inside limits, without links."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from inferry_storage.policy import Policy


def unpack(
    folder: Path,
    policy: Policy,
    *,
    layers: Sequence[Path] | None = None,
    uri: str = "",
) -> Path:
    """Return the folder that holds the model of *folder*."""
    _ = policy, layers, uri
    return folder
