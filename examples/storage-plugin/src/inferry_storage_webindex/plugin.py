"""What the plugin offers; every command imports this, so it imports no library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.plugins import ImportRef, StorageBackend, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def inferry_storage_backends() -> Iterable[StorageBackend]:
    """Yield the backend that reads folders of web servers."""
    yield StorageBackend(
        name="webindex",
        schemes=("index+https", "index+http"),
        client=ImportRef("inferry_storage_webindex.client:IndexStorage"),
        secret_keys=("WEBINDEX_TOKEN",),
    )
