"""The model server of one replica: its models, its port, its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from inferry_server.calls import Calls
from inferry_server.http.answering import Answering
from inferry_server.http.app import App
from inferry_server.http.listener import Listener
from inferry_server.metrics import Metrics
from inferry_server.models import Models
from inferry_server.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferry_server.settings import ServerSettings
    from inferry_server.states import ModelSpec, ModelState


#: What a call that cannot be stopped has to end, so that its model may unload.
_LAST_SECONDS = 1.0


class ModelServer:
    """Serves models over HTTP inside the running event loop.

    It installs no signal handler and starts nothing before `start`. *on_state* is told
    each change of a model's state, on the loop.
    """

    def __init__(
        self,
        settings: ServerSettings,
        *,
        on_state: Callable[[ModelState], None] | None = None,
    ) -> None:
        self.settings = settings
        self.statistics = Statistics()
        self.metrics = Metrics(self.statistics)
        self.models = Models(settings, self.metrics, on_state=on_state)
        self.metrics.watch(self.models)
        answering = Answering(self.models, settings, Calls(self.statistics))
        self._app = App(self.models, self.metrics, settings, answering)
        self._listener = Listener(self._app, settings, answering)

    async def start(self) -> int:
        """Listen, and return the port.

        Raises:
            BackendError: The port is taken or the address cannot be had.

        """
        return await self._listener.start()

    async def load(self, spec: ModelSpec) -> ModelState:
        """Load a model and return its state, Ready or Failed; a bad model never raises.

        One that serves under the same name goes on until the new one is ready.
        """
        return await self.models.load(spec)

    async def unload(self, name: str) -> None:
        """Take a model out of service, after what it still computes.

        Raises:
            ModelNotFound: No such model.

        """
        await self.models.unload(name)

    def states(self) -> dict[str, ModelState]:
        """Return where each model is, by name."""
        return self.models.states()

    async def drain(self) -> None:
        """Become not ready, accept for ``drain_delay``, finish what is in flight.

        Returns when the last answer is out, after ``drain_timeout`` at the latest.
        """
        self._app.drain()
        await asyncio.sleep(self.settings.drain_delay)
        await self._listener.stop(self.settings.drain_timeout)

    async def stop(self) -> None:
        """Close the port at once and unload everything."""
        self._app.drain()
        await self._listener.stop(0)
        await self.models.close(_LAST_SECONDS)
