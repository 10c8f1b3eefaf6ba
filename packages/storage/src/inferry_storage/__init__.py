"""Bring a model to this machine: `fetch`, and the storage backends."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["Progress", "fetch"]

if TYPE_CHECKING:
    from inferry_storage.fetching import fetch
    from inferry_storage.progress import Progress


def __getattr__(name: str) -> object:
    """Import `fetch` and `Progress` on first use: the descriptors need neither."""
    if name == "fetch":
        from inferry_storage import fetching

        return fetching.fetch
    if name == "Progress":
        from inferry_storage import progress

        return progress.Progress
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
