"""The settings of the server, section ``[server]``; this imports no server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.plugins import SettingsSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

SECTION = "server"
_MIB = 1024 * 1024


@hookimpl
def inferry_settings() -> Iterable[SettingsSpec]:
    """Yield what `inferry_server.settings.ServerSettings` can be told."""
    yield SettingsSpec(
        section=SECTION,
        key="max_body_bytes",
        type="int",
        default=64 * _MIB,
        help="Largest request body, also once inflated.",
    )
    yield SettingsSpec(
        section=SECTION,
        key="max_header_bytes",
        type="int",
        default=64 * 1024,
        help="Largest head of a request.",
    )
    yield SettingsSpec(
        section=SECTION,
        key="queue_size",
        type="int",
        default=256,
        help="Calls that may wait for a model; one more is answered 503.",
    )
    yield SettingsSpec(
        section=SECTION,
        key="request_timeout",
        type="float",
        default=0.0,
        help="Seconds until a request is answered 504; 0 is never.",
    )
    yield SettingsSpec(
        section=SECTION,
        key="load_timeout",
        type="float",
        default=600.0,
        help="Seconds that a model may take to load and warm up; 0 is for ever.",
    )
    yield SettingsSpec(
        section=SECTION,
        key="drain_timeout",
        type="float",
        default=30.0,
        help="Seconds that requests in flight have when the server stops.",
    )
    yield SettingsSpec(
        section=SECTION,
        key="keep_alive_timeout",
        type="float",
        default=65.0,
        help="Seconds that an idle connection stays open.",
    )
    yield SettingsSpec(
        section=SECTION,
        key="read_timeout",
        type="float",
        default=60.0,
        help="Seconds without a byte after which half a request is dropped.",
    )
    yield SettingsSpec(
        section=SECTION,
        key="docs",
        type="bool",
        default=True,
        help="Serve /docs and /openapi.json.",
    )
    yield SettingsSpec(
        section=SECTION,
        key="forwarded_headers",
        type="list",
        default=[],
        help="Names of the request headers that models get to see.",
    )
