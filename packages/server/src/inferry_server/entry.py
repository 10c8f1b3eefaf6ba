"""One name of a server's models: what serves it, what is said of it, who changes it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from inferry_server.states import ON_THE_WAY, ModelState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_server.loaded import LoadedModel
    from inferry_server.states import ModelSpec


class Entry:
    """What `inferry_server.models` keeps of one name; ``lock`` is held by changes."""

    def __init__(self, name: str) -> None:
        self.lock = asyncio.Lock()
        self.serving: LoadedModel | None = None
        self.state = ModelState(name=name, phase="Pending", reason="Pending")
        self.since = time.monotonic()
        self.spec: ModelSpec | None = None
        self.loading: asyncio.Task[tuple[LoadedModel, str]] | None = None
        self.is_asleep = False
        #: When it was asked last, and what it holds or held, in bytes.
        self.used = 0.0
        self.memory = 0

    @property
    def is_awake(self) -> bool:
        """Whether it is in memory."""
        return self.serving is not None

    @property
    def is_settled(self) -> bool:
        """Whether it is neither on its way nor unhealthy."""
        if self.serving is None:
            return self.state.phase not in ON_THE_WAY
        return not self.serving.why_unhealthy

    @property
    def is_busy(self) -> bool:
        """Whether it has calls."""
        model = self.serving
        return model is not None and model.is_busy


def hosting(entries: Mapping[str, Entry], name: str) -> Entry | None:
    """Return which of *entries* serves *name* in a server of its own, if any does."""
    for entry in entries.values():
        model = entry.serving
        if model is not None and model.passing and name in model.passing.names:
            return entry
    return None
