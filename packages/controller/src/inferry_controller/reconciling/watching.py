"""The stores and reflectors of the controller, and what their changes set in motion."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.api import from_object
from inferry.errors import InferryError
from inferry_controller.kube import kinds
from inferry_controller.kube.queue import LIVE, RESYNC
from inferry_controller.kube.reflector import Reflector
from inferry_controller.kube.store import Store
from inferry_controller.names import MANAGED_LABEL, MANAGER, SERVICE_LABEL
from inferry_controller.observing import project
from inferry_controller.observing.facts import GatewayFact
from inferry_controller.reconciling.kinds import CHILDREN, OPTIONAL
from inferry_controller.reconciling.spreading import CHANGED_WORLD, Spreading
from inferry_controller.reconciling.stored import stored
from inferry_controller.rendering.surroundings import AccountFacts, SecretFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from inferry_controller.kube.client import Client
    from inferry_controller.kube.queue import Queue
    from inferry_controller.kube.store import Change
    from inferry_controller.observing.facts import Fact
    from inferry_controller.reconciling.children import Children
    from inferry_controller.reconciling.service import ServiceReconciler
    from inferry_controller.reconciling.stored import StoredService
    from inferry_controller.reconciling.world import World

_log = logging.getLogger(__name__)

_CHILDREN = f"{MANAGED_LABEL}={MANAGER}"
#: Seconds within which the changes of a service's children are looked at together.
_TOGETHER = 0.1


class Watches:
    """All that is watched; ``reflectors`` are to be run."""

    def __init__(
        self,
        client: Client,
        *,
        world: World,
        children: Children,
        queue: Queue[str],
        namespaces: Sequence[str] = (),
    ) -> None:
        self._client = client
        self._world = world
        self._children = children
        self._queue = queue
        self._namespaces = namespaces
        self._secrets = tuple(world.settings.section("controller")["secret_namespaces"])
        self._served: set[str] = set()
        self.reconciler: ServiceReconciler | None = None
        self.services: Store[StoredService] = Store()
        self.gateways: Store[GatewayFact] = Store()
        self.reflectors: list[Reflector[Any]] = list(self._all())
        self._spreading = Spreading(self.services, queue)
        world.on_change = self._world_changed

    def service(self, key: str) -> StoredService | None:
        """Return what is stored of the service ``namespace/name``."""
        namespace, _, name = key.partition("/")
        return self.services.get(namespace, name)

    async def run(self) -> None:
        """Look again at the services that a changed world concerns, until cancelled."""
        if self.reconciler is not None:
            await self._spreading.run(self.reconciler.is_concerned)

    @property
    def gateways_known(self) -> bool:
        """Whether the Gateways that there are have been told."""
        return self._gateways.synced and self._gateways.is_served

    # -- what there is to watch

    def _all(self) -> Iterator[Reflector[Any]]:
        self.services.subscribe(self._service)
        yield self._reflector(kinds.INFERENCE_SERVICE, self.services, stored)
        for name, kind in CHILDREN.items():
            yield self._child(name, kind, _CHILDREN)
        yield self._child("Pod", kinds.POD, SERVICE_LABEL)
        for kind in (kinds.SERVING_RUNTIME, kinds.CLUSTER_SERVING_RUNTIME):
            yield self._runtimes(kind)
        yield self._containers()
        yield self._accounts()
        if self._secrets:
            yield self._named_secrets()
        self.gateways.subscribe(self._gateway)
        # The Gateway is in a namespace of its own, which a namespaced install may not
        # read: then nothing is known of it, which is not that it is missing.
        where = self._world.options.gateway.partition("/")[0]
        self._gateways = Reflector(
            self._client,
            kinds.GATEWAY,
            self.gateways,
            project=_gateway,
            namespaces=(where,) if self._namespaces else (),
            optional=True,
        )
        yield self._gateways

    def _reflector(
        self,
        kind: kinds.Kind,
        store: Store[Any],
        projected: Callable[[dict[str, Any]], Any],
        **more: Any,  # noqa: ANN401 - what Reflector takes
    ) -> Reflector[Any]:
        return Reflector(
            self._client,
            kind,
            store,
            project=projected,
            namespaces=self._namespaces,
            **more,
        )

    def _child(self, name: str, kind: kinds.Kind, selector: str) -> Reflector[Any]:
        store: Store[Fact] = Store()
        store.subscribe(self._fact)
        optional = name in OPTIONAL

        def served(there: bool) -> None:  # noqa: FBT001 - the reflector's way
            self._kind_served(f"{kind.group}/{kind.kind}", there=there)

        return self._reflector(
            kind,
            store,
            lambda obj: project(name, obj),
            selector=selector,
            optional=optional,
            served=served if optional else None,
        )

    def _runtimes(self, kind: kinds.Kind) -> Reflector[Any]:
        store: Store[Any] = Store()

        def taken(change: Change[Any]) -> None:
            self._world.put_runtime(change.key, change.after)

        store.subscribe(taken)
        return self._reflector(kind, store, _document, optional=True)

    def _containers(self) -> Reflector[Any]:
        store: Store[Any] = Store()
        store.subscribe(
            lambda change: self._world.put_container(change.key[1], change.after)
        )
        return self._reflector(
            kinds.CLUSTER_STORAGE_CONTAINER, store, _document, optional=True
        )

    def _accounts(self) -> Reflector[Any]:
        store: Store[AccountFacts] = Store()
        store.subscribe(
            lambda change: self._world.put_account(change.key, change.after)
        )
        return self._reflector(kinds.SERVICE_ACCOUNT, store, _account, optional=True)

    def _named_secrets(self) -> Reflector[Any]:
        """Watch the Secrets that whoever installs allows to be read, but no value."""
        store: Store[SecretFacts] = Store()
        store.subscribe(lambda change: self._world.put_secret(change.key, change.after))
        return Reflector(
            self._client,
            kinds.SECRET,
            store,
            project=_secret,
            namespaces=self._secrets,
            optional=True,
        )

    # -- what a change sets in motion

    def _service(self, change: Change[StoredService]) -> None:
        before, after = change.before, change.after
        if (
            before is not None
            and after is not None
            and self.reconciler is not None
            and not self.reconciler.is_news(before, after)
        ):
            return
        key = "/".join(change.key)
        self._queue.add(key, priority=RESYNC if change.initial else LIVE)

    def _fact(self, change: Change[Fact]) -> None:
        before, after = change.before, change.after
        if before is not None and after is not None and before.service != after.service:
            # Somebody put it under another service: the one before lost it.
            self._look(self._children.change(before, None))
            before = None
        self._look(self._children.change(before, after), initial=change.initial)

    def _look(self, key: str, *, initial: bool = False) -> None:
        if key:
            priority = RESYNC if initial else LIVE
            self._queue.add(key, priority=priority, after=_TOGETHER)

    def _gateway(self, change: Change[GatewayFact]) -> None:
        wanted = self._world.options.gateway
        if "/".join(change.key) != wanted:
            return
        before, after = change.before, change.after
        if before is not None and after is not None:
            same = msgspec.structs.replace(before, version=after.version, live=b"")
            if same == msgspec.structs.replace(after, live=b""):
                return
        for service in self.services:
            self._queue.add(service.key, priority=CHANGED_WORLD)

    def _kind_served(self, kind: str, *, there: bool) -> None:
        (self._served.add if there else self._served.discard)(kind)
        self._world.put_kinds(frozenset(self._served))

    def _world_changed(self, namespace: str) -> None:
        # Before the first pass all services are looked at anyway.
        if self.reconciler is not None:
            self._spreading.changed(namespace)


def _document(obj: dict[str, Any]) -> Any:  # noqa: ANN401 - of either kind
    try:
        return from_object(obj)
    except InferryError as error:
        metadata = obj["metadata"]
        where = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
        _log.warning("%s %s is not used: %s", obj.get("kind"), where, error)
        return None


def _gateway(obj: dict[str, Any]) -> GatewayFact | None:
    found = project("Gateway", obj)
    return found if isinstance(found, GatewayFact) else None


def _secret(obj: dict[str, Any]) -> SecretFacts:
    """Return the names of the values of a Secret, and its annotations."""
    metadata = obj["metadata"]
    annotations = dict(metadata.get("annotations") or {})
    # It holds the whole Secret where kubectl applied it.
    annotations.pop("kubectl.kubernetes.io/last-applied-configuration", None)
    return SecretFacts(
        name=metadata["name"],
        keys=tuple(sorted(obj.get("data") or {})),
        annotations=annotations,
    )


def _account(obj: dict[str, Any]) -> AccountFacts | None:
    """Return what matters of a ServiceAccount; None for one that says nothing."""
    metadata = obj["metadata"]
    secrets = tuple(e["name"] for e in obj.get("secrets") or () if e.get("name"))
    annotations = metadata.get("annotations") or {}
    if not secrets and not annotations:
        return None
    return AccountFacts(
        name=metadata["name"], secrets=secrets, annotations=dict(annotations)
    )
