"""Who looks on at the calls of a server: nobody, unless the settings ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_server.request_log import RequestLog

if TYPE_CHECKING:
    from inferry_server.calls import Observer
    from inferry_server.live_settings import TraceSettings
    from inferry_server.settings import ServerSettings


def observers(settings: ServerSettings, traces: TraceSettings) -> tuple[Observer, ...]:
    """Return the observers that *settings* name; *traces* may change later.

    Raises:
        SettingsError: One of them needs what is not installed.

    """
    found: list[Observer] = []
    if settings.tracing:
        from inferry_server.tracing import tracing

        found.append(tracing(traces))
    if settings.log_requests:
        found.append(RequestLog())
    return tuple(found)
