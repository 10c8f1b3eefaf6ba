"""Make the children of one service what was rendered: apply what differs, prune."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from inferry.errors import InferryError
from inferry.status import Reason
from inferry_controller.kube.errors import (
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Unavailable,
)
from inferry_controller.names import FIELD_MANAGER
from inferry_controller.observing import project
from inferry_controller.observing.facts import DeploymentFact
from inferry_controller.observing.refusals import is_admission, of_apply, of_name
from inferry_controller.reconciling.kinds import CHILDREN, ROUTES, SERVING, child_kind
from inferry_controller.reconciling.records import Child, short
from inferry_controller.reconciling.stored import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from inferry_controller.kube.client import Client
    from inferry_controller.observing.facts import Fact
    from inferry_controller.reconciling.children import Children
    from inferry_controller.reconciling.stored import StoredService

#: Who holds the number of replicas until an autoscaler takes it.
SCALE_MANAGER = f"{FIELD_MANAGER}-scale"
_API_VERSION = "serving.kserve.io/v1beta1"
#: What an ending namespace says, as a 403.
_ENDING = "being terminated"


class Refused(InferryError):
    """The API server did not take an object; ``reason`` is one of `Reason`.

    ``again`` is whether asking again may help without anybody doing something.
    """

    def __init__(
        self, message: str, *, reason: str, remedy: str = "", again: bool = False
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.reason = reason
        self.again = again


class NamespaceEnding(InferryError):
    """The namespace of a service is being deleted: there is nothing left to do."""


class Pass:
    """What one pass does to the children of one service."""

    def __init__(
        self,
        client: Client,
        children: Children,
        service: StoredService,
        before: Mapping[str, Child],
    ) -> None:
        self._client = client
        self._children = children
        self._service = service
        self._before = before
        self._facts = children.of(service.key)
        self._least: dict[str, int] = {}
        #: What is known of each child afterwards, by ``Kind/name``.
        self.after: dict[str, Child] = {}
        #: Whether a route was written.
        self.rerouted = False

    async def apply(
        self,
        objects: Iterable[dict[str, Any]],
        asked_of: Callable[[dict[str, Any]], bytes | None] = lambda _: None,
    ) -> None:
        """Apply those of *objects* that are not as they should be, in their order.

        *asked_of* may know better than the bytes of an object what it was made from.

        Raises:
            Refused: The API server did not take one.
            NamespaceEnding: It takes none any more.
            Unavailable: It does not answer.

        """
        # While a slot drains, the Service with KServe's name is rendered for the slot
        # that has this name and for the main one: the last is meant.
        wanted = {
            (child_kind(each), each["metadata"]["name"]): each for each in objects
        }
        self._least = _least_of(wanted.values())
        for (kind, name), obj in wanted.items():
            fact = self._facts.get((kind, name))
            made_from = asked_of(obj) or digest(orjson.dumps(obj))
            asked, label = short(made_from), f"{kind}/{name}"
            left = self._before.get(label)
            if (
                fact is not None
                and fact.owner == self._service.uid
                and left == Child(asked, short(fact.live))
            ):
                self.after[label] = left
                continue
            written = await self._write(kind, obj, fact)
            self.after[label] = Child(asked, short(written.live))
            self.rerouted |= kind in ROUTES

    async def prune(self, *, serving: bool) -> bool:
        """Delete what is the service's and was not rendered; say whether any is left.

        Without *serving* what answers requests stays: a route may still lead there.
        """
        left = False
        for (kind, name), fact in self._facts.items():
            if kind not in CHILDREN or f"{kind}/{name}" in self.after:
                continue
            if fact.owner != self._service.uid:
                continue
            if kind in SERVING and not serving:
                left = True
                # It is still ours, and as it was.
                known = self._before.get(f"{kind}/{name}")
                if known is not None:
                    self.after[f"{kind}/{name}"] = known
                continue
            await self._delete(kind, fact)
            self.rerouted |= kind in ROUTES
        return left

    async def _write(self, kind: str, obj: dict[str, Any], fact: Fact | None) -> Fact:
        ours = fact is not None and fact.owner in {"", self._service.uid}
        if fact is None:
            self._check_name(kind, obj["metadata"]["name"])
        if fact is not None and not ours:
            # Left behind by a service of this name that is gone.
            await self._delete(kind, fact)
        owned = _owned(obj, self._service)
        if kind == "Deployment" and "replicas" not in obj["spec"]:
            owned = await self._without_replicas(owned, fact if ours else None)
        try:
            answer = await self._apply(kind, owned, force=ours)
        except Conflict as conflict:
            if ours or not await self._is_ours(kind, owned):
                raise _name_taken(kind, owned, conflict) from conflict
            answer = await self._apply(kind, owned, force=True)
        written = project(kind, answer)
        self._children.assume(written)
        return written

    def _check_name(self, kind: str, name: str) -> None:
        """Refuse a name that another service has: what we wrote is no conflict to us.

        A named canary of one service may have the name that another service has.
        """
        other = self._children.holder(self._service.key, (kind, name))
        if other:
            raise Refused(
                f"{kind} {name} belongs to the InferenceService {other}",
                reason=Reason.NameConflict,
                remedy="give one of the two services, or its canary, another name",
                again=True,
            )

    async def _without_replicas(
        self, obj: dict[str, Any], fact: Fact | None
    ) -> dict[str, Any]:
        """Return what to apply of a Deployment whose replicas an autoscaler decides.

        A field that its one owner applies no more goes back to its default: a service
        that gets an autoscaler would drop to one replica first. So somebody else holds
        the number as it is. Where the autoscaler would not let it be so low, which it
        only looks at some seconds later, it begins with its least.
        """
        least = self._least.get(obj["metadata"]["name"], 1)
        now = fact.wanted if isinstance(fact, DeploymentFact) else None
        if now is None:
            return _with_replicas(obj, least) if least > 1 else obj
        number = max(now, least)
        if number <= 1:
            return obj
        metadata = {key: obj["metadata"][key] for key in ("namespace", "name")}
        held = _with_replicas({**obj, "metadata": metadata, "spec": {}}, number)
        try:
            await self._client.apply(held, manager=SCALE_MANAGER, force=False)
        except Conflict as conflict:
            if f'"{FIELD_MANAGER}"' in conflict.message:
                # Ours, such as the 0 of a rollback target that is to serve again.
                await self._client.apply(held, manager=SCALE_MANAGER, force=True)
            # Else somebody has it already: the autoscaler, or who scaled by hand.
        return obj

    async def _apply(self, kind: str, obj: dict[str, Any], *, force: bool) -> Any:  # noqa: ANN401 - a document
        try:
            return await self._client.apply(
                obj, manager=FIELD_MANAGER, force=force, kind=CHILDREN[kind]
            )
        except (Forbidden, NotFound) as error:
            gone = f'namespaces "{self._service.namespace}" not found'
            if _ENDING in error.message or gone in error.message:
                raise NamespaceEnding(error.message) from error
            raise _refused(kind, obj, error) from error
        except Invalid as error:
            raise _refused(kind, obj, error) from error
        except Unavailable as error:
            if is_admission(error.message):
                raise _refused(kind, obj, error) from error
            raise

    async def _is_ours(self, kind: str, obj: dict[str, Any]) -> bool:
        """Say whether the object with this name belongs to the service already.

        It does where the watch has not told of it yet, and where KServe made it.
        """
        namespace, name = self._service.namespace, obj["metadata"]["name"]
        found = await self._client.find(CHILDREN[kind], namespace, name)
        if found is None:
            return True
        owners = found["metadata"].get("ownerReferences") or ()
        return any(each.get("uid") == self._service.uid for each in owners)

    async def _delete(self, kind: str, fact: Fact) -> None:
        try:
            await self._client.delete(
                CHILDREN[kind], fact.namespace, fact.name, uid=fact.uid
            )
        except Conflict:
            # Another object has the name by now; the watch will tell of it.
            return


def _least_of(objects: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Return the least replicas that an autoscaler lets each Deployment have."""
    found: dict[str, int] = {}
    for obj in objects:
        spec = obj.get("spec") or {}
        target = spec.get("scaleTargetRef") or {}
        least = spec.get("minReplicas", spec.get("minReplicaCount", 1))
        if target.get("name") and isinstance(least, int):
            found[target["name"]] = least
    return found


def _with_replicas(obj: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {**obj, "spec": {**obj["spec"], "replicas": number}}


def _owned(obj: Mapping[str, Any], service: StoredService) -> dict[str, Any]:
    reference = {
        "apiVersion": _API_VERSION,
        "kind": "InferenceService",
        "name": service.name,
        "uid": service.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {**obj, "metadata": {**obj["metadata"], "ownerReferences": [reference]}}


def _name_taken(kind: str, obj: Mapping[str, Any], error: ApiError) -> Refused:
    found = of_name(kind, obj["metadata"]["name"], error.message)
    return Refused(found.message, reason=found.reason, again=True)


def _refused(kind: str, obj: Mapping[str, Any], error: ApiError) -> Refused:
    if isinstance(error, NotFound) and kind in ROUTES:
        reason = Reason.IngressNotSupported
        return Refused(error.message, reason=reason, again=True)
    invalid = isinstance(error, Invalid) and not is_admission(error.message)
    name = obj["metadata"]["name"]
    found = of_apply(kind, name, error.message, invalid=invalid)
    return Refused(
        found.message, reason=found.reason, remedy=found.remedy, again=not invalid
    )
