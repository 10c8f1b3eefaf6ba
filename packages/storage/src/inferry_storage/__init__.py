"""Bring a model to this machine: `fetch` into the cache, `pull` into a folder."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "Fetched",
    "Progress",
    "fetch",
    "fetch_model",
    "fetch_tree",
    "pull",
    "release",
]

if TYPE_CHECKING:
    from inferry_storage.fetching.caching import Fetched, fetch, fetch_model, release
    from inferry_storage.fetching.pulling import pull
    from inferry_storage.fetching.trees import fetch_tree
    from inferry_storage.progress import Progress

_MODULES = {
    "Fetched": "fetching.caching",
    "Progress": "progress",
    "fetch": "fetching.caching",
    "fetch_model": "fetching.caching",
    "fetch_tree": "fetching.trees",
    "pull": "fetching.pulling",
    "release": "fetching.caching",
}


def __getattr__(name: str) -> object:
    """Import what is public on first use: the descriptors need nothing of it."""
    if name in _MODULES:
        return getattr(import_module(f"inferry_storage.{_MODULES[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
