"""OpenTelemetry traces of the requests of a server, the extra ``tracing``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.errors import SettingsError

if TYPE_CHECKING:
    from inferry_server.live_settings import TraceSettings
    from inferry_server.tracing.spans import Tracing

INSTALL = 'pip install "inferry-server[tracing]"'

__all__ = ["INSTALL", "tracing"]


def tracing(settings: TraceSettings) -> Tracing:
    """Return what traces requests as the environment's ``OTEL_`` variables say.

    *settings* say which requests, while the server runs.

    Raises:
        SettingsError: The extra or an exporter is not installed, with what installs it.

    """
    try:
        from inferry_server.tracing.provider import provider
        from inferry_server.tracing.spans import Tracing
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"server.tracing is on, but {error.name} is not installed: {INSTALL}"
        ) from None
    return Tracing(provider(), settings)
