"""The four stable hooks. All collect, all are called once per process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry.config import SettingsSpec
    from inferry.plugins._descriptors import (
        AutoscalingPolicy,
        Runtime,
        StorageBackend,
    )
    from inferry.plugins._host import Host

PROJECT = "inferry"
GROUP = "inferry.plugins.v1"
API = 1

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def inferry_runtimes(host: Host) -> Iterable[Runtime]:  # type: ignore[empty-body]
    """Yield the model runtimes this plugin adds.

    Build descriptors only: import no framework, touch no network, read no model.
    """


@hookspec
def inferry_storage_backends(host: Host) -> Iterable[StorageBackend]:  # type: ignore[empty-body]
    """Yield the storage backends this plugin adds, one per family of URIs."""


@hookspec
def inferry_autoscaling_policies(host: Host) -> Iterable[AutoscalingPolicy]:  # type: ignore[empty-body]
    """Yield the autoscaling policies this plugin adds; they decide, they never act."""


@hookspec
def inferry_settings(host: Host) -> Iterable[SettingsSpec]:  # type: ignore[empty-body]
    """Yield the settings this plugin reads, for ``inferry config`` to print."""
