"""The specs of earlier revisions: on their Deployments, or in a ControllerRevision."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import orjson

from inferry_controller.kube.errors import Conflict
from inferry_controller.kube.kinds import CONTROLLER_REVISION, DEPLOYMENT
from inferry_controller.names import (
    MANAGED_LABEL,
    MANAGER,
    REVISION_LABEL,
    SERVICE_LABEL,
    SPEC_ANNOTATION,
    component_name,
    shortened,
)

if TYPE_CHECKING:
    from inferry_controller.kube.client import Client
    from inferry_controller.reconciling.stored import StoredService

#: Specs kept in memory; a rollout asks for the same one at each step.
_KEPT = 256


class Specs:
    """Finds, keeps and forgets the ``spec`` that a revision of a service had."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._found: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def find(
        self, service: StoredService, revision: str, slot: str | None
    ) -> str | None:
        """Return the spec of *revision* as JSON, which runs in *slot* if any does."""
        key = (service.uid, revision)
        spec = self._found.get(key)
        if spec is None and slot is not None:
            spec = await self._on_deployment(service, revision, slot)
        if spec is None:
            spec = await self._kept(service, revision)
        if spec is not None:
            self._found[key] = spec
            self._found.move_to_end(key)
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
        return spec

    async def save(self, service: StoredService, revision: str, slot: str) -> bool:
        """Keep the spec of a *revision* whose *slot* another one takes now.

        Whether it is kept; False where it is not known.
        """
        spec = await self.find(service, revision, slot)
        if spec is None:
            return False
        await self._keep(service, revision, spec)
        return True

    async def is_kept(self, service: StoredService, revision: str) -> bool:
        """Say whether the spec of a *revision* that runs nowhere is kept.

        One that only this process knows of is kept now: the next would not know it.
        """
        if await self._kept(service, revision) is not None:
            return True
        spec = self._found.get((service.uid, revision))
        if spec is None:
            return False
        await self._keep(service, revision, spec)
        return True

    async def _keep(self, service: StoredService, revision: str, spec: str) -> None:
        with contextlib.suppress(Conflict):
            await self._client.create(_kept(service, revision, spec))

    async def forget(self, service: StoredService, revision: str) -> None:
        """Delete what was kept of a *revision* that nobody goes back to."""
        name = _name(service, revision)
        await self._client.delete(CONTROLLER_REVISION, service.namespace, name)

    async def _on_deployment(
        self, service: StoredService, revision: str, slot: str
    ) -> str | None:
        name = component_name(service.name, "predictor", slot)
        found = await self._client.find(DEPLOYMENT, service.namespace, name)
        metadata: dict[str, Any] = (found or {}).get("metadata", {})
        if metadata.get("labels", {}).get(REVISION_LABEL) != revision:
            return None
        return _spec(metadata.get("annotations", {}).get(SPEC_ANNOTATION))

    async def _kept(self, service: StoredService, revision: str) -> str | None:
        name = _name(service, revision)
        found = await self._client.find(CONTROLLER_REVISION, service.namespace, name)
        if found is None:
            return None
        owners = found["metadata"].get("ownerReferences") or ()
        if all(each.get("uid") != service.uid for each in owners):
            return None
        return _spec((found.get("data") or {}).get("spec"))


def _spec(text: object) -> str | None:
    """Return *text* where it is a spec: people may edit what they like."""
    try:
        spec = orjson.loads(text) if isinstance(text, str) else None
    except orjson.JSONDecodeError:
        return None
    usable = isinstance(spec, dict) and isinstance(spec.get("predictor"), dict)
    return text if usable and isinstance(text, str) else None


def _name(service: StoredService, revision: str) -> str:
    return shortened(f"{service.name}-{revision}")


def _kept(service: StoredService, revision: str, spec: str) -> dict[str, Any]:
    return {
        "apiVersion": CONTROLLER_REVISION.api_version,
        "kind": CONTROLLER_REVISION.kind,
        "metadata": {
            "name": _name(service, revision),
            "namespace": service.namespace,
            "labels": {
                SERVICE_LABEL: service.name,
                REVISION_LABEL: revision,
                MANAGED_LABEL: MANAGER,
            },
            "ownerReferences": [
                {
                    "apiVersion": "serving.kserve.io/v1beta1",
                    "kind": "InferenceService",
                    "name": service.name,
                    "uid": service.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "data": {"spec": spec},
        "revision": service.generation,
    }
