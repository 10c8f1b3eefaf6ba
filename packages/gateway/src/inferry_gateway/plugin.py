"""Inferry's plugin descriptor: the gateway adds settings, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from inferry.plugins import SettingsSpec, hookimpl
from inferry_gateway._settings import GatewaySettings

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES: dict[str, Literal["bool", "float", "int", "str"]] = {
    "boolean": "bool",
    "integer": "int",
    "number": "float",
    "string": "str",
}


@hookimpl
def inferry_settings() -> Iterator[SettingsSpec]:
    """Yield one setting per field of `inferry_gateway.GatewaySettings`."""
    schema = msgspec.json.schema(GatewaySettings)["$defs"]["GatewaySettings"]
    for key, declared in schema["properties"].items():
        yield SettingsSpec(
            section="gateway",
            key=key,
            type=_TYPES[declared["type"]],
            default=declared["default"],
            help=declared["description"],
        )
