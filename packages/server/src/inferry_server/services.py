"""What all protocols of one server share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from inferry_server.live_settings import LogSettings, TraceSettings
from inferry_server.metrics import Metrics  # noqa: TC001 - msgspec reads it at run time
from inferry_server.models import Models  # noqa: TC001 - the same
from inferry_server.repository import Repository
from inferry_server.settings import ServerSettings  # noqa: TC001 - the same
from inferry_server.shared_memory import SharedMemoryRegions
from inferry_server.statistics import Statistics  # noqa: TC001 - the same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_server.states import ModelSpec


class Services(Struct, frozen=True, kw_only=True):
    """The parts of one server that answer whatever protocol asks.

    ``memory`` is None where the server was started without shared memory.
    """

    settings: ServerSettings
    models: Models
    metrics: Metrics
    statistics: Statistics
    repository: Repository
    trace_settings: TraceSettings
    log_settings: LogSettings
    memory: SharedMemoryRegions | None

    @classmethod
    def of(
        cls,
        settings: ServerSettings,
        models: Models,
        metrics: Metrics,
        statistics: Statistics,
        folders: Sequence[ModelSpec] = (),
    ) -> Services:
        """Return the services of a server; *folders* are its repositories."""
        return cls(
            settings=settings,
            models=models,
            metrics=metrics,
            statistics=statistics,
            repository=Repository(models, settings, folders),
            trace_settings=TraceSettings(on=settings.tracing),
            log_settings=LogSettings(),
            memory=SharedMemoryRegions() if settings.allow_shared_memory else None,
        )
