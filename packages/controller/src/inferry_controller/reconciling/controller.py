"""`Controller`: the parts of the process, put together over one client."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

from inferry.errors import SettingsError
from inferry_controller.configuration import read
from inferry_controller.kube.election import Election
from inferry_controller.kube.errors import ApiError
from inferry_controller.kube.kinds import CONFIG_MAP
from inferry_controller.kube.manager import Manager
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
from inferry_controller.reconciling.unsupported import Unsupported
from inferry_controller.reconciling.watching import Watches
from inferry_controller.reconciling.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inferry.config import Given, Settings
    from inferry_controller.kube.client import Client

DEFAULT_NAMESPACE = "inferry"


class Controller:
    """Everything that runs in one process, over one client.

    *load* makes the settings from the values of the ConfigMap, *given* being those of
    the start: what is watched, and by how many workers, is decided then.
    """

    def __init__(
        self,
        client: Client,
        load: Callable[[Iterable[Given]], Settings],
        given: Iterable[Given] = (),
    ) -> None:
        self._client = client
        self.world = World(load(given))
        own = self.world.settings.section("controller")
        self.namespace = own_namespace(own)
        identity = f"{os.environ.get('POD_NAME') or 'local'}_{uuid.uuid4().hex[:8]}"
        self.manager = Manager(
            client,
            election=Election(client, self.namespace, MANAGER, identity)
            if own["leader_election"]
            else None,
            host=str(own["host"]),
            port=int(own["port"]),
        )
        self.recorder = Recorder(
            client,
            component=MANAGER,
            instance=identity,
            dropped=self.manager.metrics.events_dropped.inc,
        )
        self.configuring = Configuring(self.world, load, recorder=self.recorder)
        self.queue: Queue[str] = Queue()
        self.watches, self.reconciler = self._services(tuple(own["namespaces"]))
        workers = Workers(
            self.queue,
            self.reconciler,
            name="inferenceservice",
            count=int(own["workers"]),
        )
        unsupported = Unsupported(client, tuple(own["namespaces"]))
        self.manager.watch(
            self._config(str(own["config_map"])),
            *self.watches.reflectors,
            *unsupported.reflectors,
        )
        self.manager.work(workers, unsupported.workers)
        self.manager.leading(self.recorder.run)
        self.manager.leading(self.watches.run)
        self.manager.before_work(self._begin)

    @classmethod
    async def begin(
        cls, client: Client, load: Callable[[Iterable[Given]], Settings]
    ) -> Controller:
        """Return a controller with the settings of the ConfigMap as it is now."""
        own = load(()).section("controller")
        namespace, name = own_namespace(own), str(own["config_map"])
        try:
            found = await client.find(CONFIG_MAP, namespace, name)
        except ApiError:
            # The watch tries again; until then defaults do.
            found = None
        said = read((found or {}).get("data") or {}, f"ConfigMap {namespace}/{name}")
        try:
            return cls(client, load, said.given)
        except SettingsError:
            return cls(client, load)

    async def run(self) -> int:
        """Work until a signal; return the status to exit with."""
        return await self.manager.run()

    def _services(
        self, namespaces: tuple[str, ...]
    ) -> tuple[Watches, ServiceReconciler]:
        children = Children()
        watches = Watches(
            self._client,
            world=self.world,
            children=children,
            queue=self.queue,
            namespaces=namespaces,
        )
        reconciler = ServiceReconciler(
            self._client,
            get=watches.service,
            children=children,
            world=self.world,
            telling=Telling(self.recorder),
            looking=Looking(
                self._client,
                gateway=watches.gateways.get,
                gateways_known=lambda: watches.gateways_known,
            ),
        )
        return watches, reconciler

    async def _begin(self) -> None:
        """From here on a change of the world is looked at service by service."""
        self.reconciler.begin(self.watches.services)
        self.watches.reconciler = self.reconciler

    def _config(self, name: str) -> Reflector[dict[str, Any]]:
        store: Store[dict[str, Any]] = Store()
        store.subscribe(self.configuring.changed)
        return Reflector(
            self._client,
            CONFIG_MAP,
            store,
            project=config_of,
            fields=f"metadata.name={name}",
            namespaces=(self.namespace,),
            optional=True,
        )


def own_namespace(own: dict[str, Any]) -> str:
    """Return the namespace of Lease and ConfigMap."""
    named = own["namespace"] or os.environ.get("POD_NAMESPACE")
    return str(named or DEFAULT_NAMESPACE)
