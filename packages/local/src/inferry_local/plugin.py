"""Inferry's plugin descriptor: the local backend adds settings, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.plugins import SettingsSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

SECTION = "local"


@hookimpl
def inferry_settings() -> Iterator[SettingsSpec]:
    """Yield the settings of section ``local``."""
    yield SettingsSpec(
        section=SECTION,
        key="host",
        help="address of the local endpoint; unset: that of [gateway]",
    )
    yield SettingsSpec(
        section=SECTION,
        key="port",
        type="int",
        help="port of the local endpoint, 0 takes any; unset: that of [gateway]",
    )
    yield SettingsSpec(
        section=SECTION,
        key="object_store_mb",
        type="int",
        default=80,
        help="shared memory that Ray sets aside, in MB; requests do not use it",
    )
    yield SettingsSpec(
        section=SECTION,
        key="crash_limit",
        type="int",
        default=2,
        help="how often a replica may die while it loads before its revision fails",
    )
    yield SettingsSpec(
        section=SECTION,
        key="start_timeout",
        type="float",
        default=60.0,
        help="seconds a replica's process has to report, before its model loads",
    )
