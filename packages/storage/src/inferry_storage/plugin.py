"""The descriptors of the storage backends, and the settings of fetching."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.plugins import ImportRef, SettingsSpec, StorageBackend, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def inferry_storage_backends() -> Iterable[StorageBackend]:
    """Yield the backends for local paths and for files on web servers."""
    yield StorageBackend(
        name="file",
        schemes=("file",),
        client=ImportRef("inferry_storage.file:FileStorage"),
    )
    yield StorageBackend(
        name="https",
        # http is refused by the client, with the setting that allows it.
        schemes=("https", "http"),
        client=ImportRef("inferry_storage.https:HttpsStorage"),
    )


@hookimpl
def inferry_settings() -> Iterable[SettingsSpec]:
    """Yield the settings of section ``[storage]``."""
    yield SettingsSpec(
        section="storage",
        key="cache_dir",
        default="",
        help="Where downloads are kept; empty: $XDG_CACHE_HOME/inferry/models.",
    )
    yield SettingsSpec(
        section="storage",
        key="max_bytes",
        type="int",
        default=256 * 2**30,
        help="The most bytes that one model may have.",
    )
    yield SettingsSpec(
        section="storage",
        key="allow_http",
        type="bool",
        default=False,
        help="Download over http, which anybody on the way can read and change.",
    )
    yield SettingsSpec(
        section="storage",
        key="allow_networks",
        type="list",
        default=(),
        help="Private networks that services may download from, such as 10.0.0.0/8.",
    )
    yield SettingsSpec(
        section="storage",
        key="stall_seconds",
        type="float",
        default=30.0,
        help="Give up on a download that makes no progress for so long.",
    )
    yield SettingsSpec(
        section="storage",
        key="deadline_seconds",
        type="float",
        default=0.0,
        help="Give up on a download that takes longer; 0 is no limit.",
    )
