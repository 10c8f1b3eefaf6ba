"""`Controller`: the process, from its settings to its last event."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import uuid
from typing import TYPE_CHECKING, Any

from inferry_controller.kube.election import Election
from inferry_controller.kube.health import HealthServer
from inferry_controller.kube.kinds import CONFIG_MAP
from inferry_controller.kube.metrics import Metrics
from inferry_controller.kube.queue import Queue
from inferry_controller.kube.recorder import Recorder
from inferry_controller.kube.reflector import Reflector
from inferry_controller.kube.store import Store
from inferry_controller.kube.workers import Workers
from inferry_controller.names import MANAGER
from inferry_controller.reconciling.children import Children
from inferry_controller.reconciling.configuring import Configuring, config_of
from inferry_controller.reconciling.looking import Looking
from inferry_controller.reconciling.service import ServiceReconciler
from inferry_controller.reconciling.telling import Telling
from inferry_controller.reconciling.watching import Watches
from inferry_controller.reconciling.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inferry.config import Given, Settings
    from inferry_controller.kube.client import Client

_log = logging.getLogger(__name__)
#: Seconds for what has been begun to end.
_GRACE = 25.0
_NAME = "inferenceservice"


class Controller:
    """Everything that runs in one process, over one client.

    *load* makes the settings from the values of the ConfigMap, none at first.
    """

    def __init__(
        self, client: Client, load: Callable[[Iterable[Given]], Settings]
    ) -> None:
        self._client = client
        settings = load(())
        self.world = World(settings)
        own = self.world.settings.section("controller")
        self._own: dict[str, Any] = own
        self.namespace = str(
            own["namespace"] or os.environ.get("POD_NAMESPACE") or "inferry"
        )
        self.metrics = Metrics()
        client.transport.counted = self.metrics.called
        self._identity = f"{os.environ.get('POD_NAME') or 'local'}_{uuid.uuid4().hex[:8]}"
        self.recorder = Recorder(
            client, component=MANAGER, instance=self._identity
        )
        self.configuring = Configuring(self.world, load, recorder=self.recorder)
        self.queue: Queue[str] = Queue()
        self.queue.meter = self.metrics.queue(_NAME, self.queue)  # type: ignore[arg-type]
        self.children = Children()
        self.watches = Watches(
            client,
            world=self.world,
            children=self.children,
            queue=self.queue,
            namespaces=tuple(own["namespaces"]),
        )
        self.reconciler = ServiceReconciler(
            client,
            get=self.watches.service,
            children=self.children,
            world=self.world,
            telling=Telling(self.recorder),
            looking=Looking(
                client,
                gateway=self.watches.gateways.get,
                gateways_known=lambda: self.watches.gateways_known,
            ),
        )
        self._config = self._config_reflector()
        self._started = False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop* is set, then end what was begun.

        Raises:
            NotLeading: The lease is lost; the process must end.
            BackendError: The port is taken.

        """
        health = self._health()
        await health.start()
        _log.info("health and metrics on port %d", health.port)
        try:
            async with _tasks() as background:
                background.start(self._config.run(), "config")
                await self._until(self._config.wait_synced(), stop)
                for reflector in self.watches.reflectors:
                    background.start(reflector.run(freeze=True), str(reflector.kind))
                for reflector in self.watches.reflectors:
                    await self._until(reflector.wait_synced(), stop)
                await self._lead(stop, background)
        finally:
            await health.stop()

    async def _lead(self, stop: asyncio.Event, background: _Tasks) -> None:
        """Write, as long as the lease is held where one is wanted."""
        if stop.is_set():
            return
        self._started = True
        election = None
        if self._own["leader_election"]:
            election = Election(self._client, self.namespace, MANAGER, self._identity)
            await self._until(election.acquire(), stop)
            if stop.is_set():
                return
            self._client.fence = election.check
            background.start(election.keep(), "lease")
        background.start(self.recorder.run(), "events")
        self.watches.reconciler = self.reconciler
        workers = Workers(
            self.queue,
            self.reconciler,
            name=_NAME,
            count=int(self._own["workers"]),
            meter=self.metrics.work(_NAME, int(self._own["workers"])),
        )
        working = background.start(workers.run(), "workers")
        _log.info("reconciling %d services", len(self.watches.services))
        await background.until(stop)
        self.queue.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await working
        await self.recorder.flush(everything=True)
        if election is not None:
            await election.release()

    def _config_reflector(self) -> Reflector[dict[str, Any]]:
        store: Store[dict[str, Any]] = Store()
        store.subscribe(self.configuring.changed)
        return Reflector(
            self._client,
            CONFIG_MAP,
            store,
            project=config_of,
            fields=f"metadata.name={self._own['config_map']}",
            namespaces=(self.namespace,),
            optional=True,
        )

    def _health(self) -> HealthServer:
        return HealthServer(
            host=str(self._own["host"]),
            port=int(self._own["port"]),
            alive={"ping": lambda: ""},
            ready={"caches": lambda: "" if self._started else "not listed yet"},
            metrics=self.metrics.exposition,
        )

    @staticmethod
    async def _until(work: Any, stop: asyncio.Event) -> None:  # noqa: ANN401 - a coroutine
        """Wait for *work*, or for *stop*."""
        task = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not task.done():
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class _Tasks:
    """Tasks in the background; the end of one that should not end is an error."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Any, name: str) -> asyncio.Task[Any]:  # noqa: ANN401 - a coroutine
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        return task

    async def until(self, stop: asyncio.Event) -> None:
        """Wait for *stop*; raise what any task raised before."""
        stopped = asyncio.ensure_future(stop.wait())
        done, _ = await asyncio.wait(
            {stopped, *self._tasks}, return_when=asyncio.FIRST_COMPLETED
        )
        stopped.cancel()
        for task in done - {stopped}:
            task.result()

    async def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def _tasks() -> Any:  # noqa: ANN401 - an async iterator of _Tasks
    tasks = _Tasks()
    try:
        yield tasks
    finally:
        await tasks.cancel()
