"""The gateway of Inferry: routes, weighs revisions, holds requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_gateway._services import Endpoint, Service, Target
from inferry_gateway._settings import GatewaySettings

if TYPE_CHECKING:
    from inferry_gateway._gateway import Gateway, GatewayEvent

__all__ = [
    "Endpoint",
    "Gateway",
    "GatewayEvent",
    "GatewaySettings",
    "Service",
    "Target",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute
    """Import the proxy on first use: the plugin descriptor needs the settings only."""
    if name in {"Gateway", "GatewayEvent"}:
        from inferry_gateway import _gateway

        return getattr(_gateway, name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
