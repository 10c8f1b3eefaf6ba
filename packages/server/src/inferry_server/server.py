"""The model server of one replica: its models, its port, its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from inferry_server.auth.asgi import guarded
from inferry_server.auth.gatekeeper import Gatekeeper
from inferry_server.calls import Calls
from inferry_server.http.answering import Answering
from inferry_server.http.app import App
from inferry_server.http.listener import Listener, management_listener
from inferry_server.metrics import Metrics
from inferry_server.models import Models
from inferry_server.observers import observers
from inferry_server.payload_log import PayloadLogs
from inferry_server.services import Services
from inferry_server.states import Ports
from inferry_server.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inferry_server.grpc.listener import Listener as GrpcListener
    from inferry_server.settings import ServerSettings
    from inferry_server.states import ModelSpec, ModelState


#: What a call that cannot be stopped has to end, so that its model may unload.
_LAST_SECONDS = 1.0
#: What traces and payload logs have to be sent, when a server ends well.
_FLUSH_SECONDS = 5.0


class ModelServer:
    """Serves models over HTTP and gRPC inside the running event loop.

    It installs no signal handler and starts nothing before `start`. *on_state* is told
    each change of a model's state, on the loop. *repositories* are folders whose models
    may be loaded by their names; see `inferry_server.repository`.

    Raises:
        SettingsError: A file of keys or a middleware of *settings* cannot be used.

    """

    def __init__(
        self,
        settings: ServerSettings,
        *,
        on_state: Callable[[ModelState], None] | None = None,
        repositories: Sequence[ModelSpec] = (),
    ) -> None:
        self.settings = settings
        self._on_state = on_state
        self.statistics = Statistics()
        self.payloads = PayloadLogs()
        self.metrics = Metrics(self.statistics, self.payloads)
        self.models = Models(settings, self.metrics, on_state=self._changed)
        self.models.may_be_empty = bool(repositories)
        self.metrics.watch(self.models)
        self.services = Services.of(
            settings, self.models, self.metrics, self.statistics, repositories
        )
        looking_on = observers(settings, self.services.trace_settings)
        self.calls = Calls(self.statistics, looking_on, self.payloads)
        answering = Answering(self.models, settings, self.calls, self.services.memory)
        self._app = App(self.services, answering)
        self._gatekeeper = Gatekeeper.of(settings)
        self._listener = Listener(
            self._app,
            settings,
            answering,
            front=guarded(self._app, settings.middleware, self._gatekeeper),
        )
        self._management_app = App(self.services, answering, is_management=True)
        self._management = management_listener(
            self._management_app,
            settings,
            front=guarded(self._management_app, (), self._gatekeeper),
        )
        self._grpc: GrpcListener | None = None
        self.ports = Ports()

    async def start(self) -> int:
        """Listen, and return the port for HTTP; ``ports`` has all.

        Raises:
            BackendError: A port is taken or the address cannot be had.

        """
        grpc_port = None
        if self.settings.grpc_port is not None:
            # gRPC takes 60 ms to import.
            from inferry_server.grpc.listener import Listener as GrpcListener

            self._grpc = GrpcListener(
                self.services, self.calls, gatekeeper=self._gatekeeper
            )
            grpc_port = await self._grpc.start()
        management_port = None
        try:
            if self._management is not None:
                management_port = await self._management.start()
            http_port = await self._listener.start()
        except BaseException:
            await self._stop_management()
            await self._stop_grpc(0)
            raise
        self.ports = Ports(http=http_port, grpc=grpc_port, management=management_port)
        return http_port

    def _changed(self, state: ModelState) -> None:
        if state.phase == "Ready":
            self.payloads.serve(self.models.spec(state.name))
        elif state.phase == "Unloaded":
            self.payloads.forget(state.name)
        if self._grpc is not None:
            self._grpc.changed()
        if self._on_state is not None:
            self._on_state(state)

    async def _stop_management(self) -> None:
        if self._management is not None:
            await self._management.stop(0)

    async def _stop_grpc(self, patience: float) -> None:
        if self._grpc is not None:
            await self._grpc.stop(patience)

    async def load(self, spec: ModelSpec) -> ModelState:
        """Load a model and return its state, Ready or Failed; a bad model never raises.

        One that serves under the same name goes on until the new one is ready.
        """
        return await self.models.load(spec)

    async def unload(self, name: str) -> None:
        """Take a model out of service, after what it still computes, and forget it.

        Raises:
            ModelNotFound: No such model.

        """
        await self.models.remove(name)

    def states(self) -> dict[str, ModelState]:
        """Return where each model is, by name."""
        return self.models.states()

    async def drain(self) -> None:
        """Become not ready, accept for ``drain_delay``, finish what is in flight.

        Returns when the last answer is out, after ``drain_timeout`` at the latest.
        """
        self._become_unready()
        await asyncio.sleep(self.settings.drain_delay)
        patience = self.settings.drain_timeout
        await asyncio.gather(self._listener.stop(patience), self._stop_grpc(patience))
        await self.calls.close(_FLUSH_SECONDS)

    def _become_unready(self) -> None:
        self._app.drain()
        self._management_app.drain()
        if self._grpc is not None:
            self._grpc.drain()

    async def stop(self) -> None:
        """Close the ports at once and unload everything."""
        self._become_unready()
        await asyncio.gather(
            self._listener.stop(0), self._stop_grpc(0), self._stop_management()
        )
        await self.models.close(_LAST_SECONDS)
        await self.calls.close(_LAST_SECONDS)
