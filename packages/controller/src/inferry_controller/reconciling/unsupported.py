"""Kinds that are installed and not served: each object is told so, none is ignored."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.status import Reason
from inferry_controller.kube.errors import Conflict, NotFound
from inferry_controller.kube.kinds import INFERENCE_GRAPH, TRAINED_MODEL
from inferry_controller.kube.queue import LIVE, RESYNC, Queue
from inferry_controller.kube.reflector import Reflector
from inferry_controller.kube.store import Store
from inferry_controller.kube.workers import Workers
from inferry_controller.names import STATUS_MANAGER
from inferry_controller.reconciling.reporting import timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_controller.kube.client import Client
    from inferry_controller.kube.kinds import Kind
    from inferry_controller.kube.store import Change

_KINDS = (TRAINED_MODEL, INFERENCE_GRAPH)
#: What serves the same on a cluster.
_INSTEAD = {
    TRAINED_MODEL.kind: "give the model an InferenceService of its own",
    INFERENCE_GRAPH.kind: "call its services one by one, or from a transformer",
}
_WORKERS = 2
_Key = tuple[str, str, str]


class Untold(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One object; ``told`` is the generation that its status speaks of."""

    namespace: str
    name: str
    uid: str
    generation: int
    told: int


class Unsupported:
    """Writes into the status of each TrainedModel and InferenceGraph why it idles."""

    def __init__(self, client: Client, namespaces: Sequence[str] = ()) -> None:
        self._client = client
        self._stores: dict[str, Store[Untold]] = {}
        self._kinds: dict[str, Kind] = {each.kind: each for each in _KINDS}
        self._queue: Queue[_Key] = Queue()
        self.reflectors = [self._reflector(each, namespaces) for each in _KINDS]
        self.workers = Workers(
            self._queue, self._reconcile, name="unsupported", count=_WORKERS
        )

    def _reflector(self, kind: Kind, namespaces: Sequence[str]) -> Reflector[Untold]:
        store: Store[Untold] = Store()
        store.subscribe(partial(self._changed, kind.kind))
        self._stores[kind.kind] = store
        return Reflector(
            self._client,
            kind,
            store,
            project=_untold,
            namespaces=namespaces,
            optional=True,
        )

    def _changed(self, kind: str, change: Change[Untold]) -> None:
        if change.after is not None and change.after.told != change.after.generation:
            priority = RESYNC if change.initial else LIVE
            self._queue.add((kind, *change.key), priority=priority)

    async def _reconcile(self, key: _Key) -> None:
        name, *where = key
        kind, found = self._kinds[name], self._stores[name].get(*where)
        if found is None or found.told == found.generation:
            return
        message = f"{name} is not served on a cluster yet; {_INSTEAD[name]}"
        condition = {
            "type": "Ready",
            "status": "False",
            "reason": str(Reason.NotSupportedByBackend),
            "message": message,
            "lastTransitionTime": timestamp(),
        }
        body = {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "metadata": {
                "name": found.name,
                "namespace": found.namespace,
                "uid": found.uid,
            },
            "status": {
                "observedGeneration": found.generation,
                "conditions": [condition],
            },
        }
        try:
            await self._client.apply(
                body, manager=STATUS_MANAGER, subresource="status", kind=kind
            )
        except (NotFound, Conflict):
            return


def _untold(obj: dict[str, Any]) -> Untold:
    metadata, status = obj["metadata"], obj.get("status") or {}
    return Untold(
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        generation=metadata.get("generation", 0),
        told=status.get("observedGeneration", 0),
    )
