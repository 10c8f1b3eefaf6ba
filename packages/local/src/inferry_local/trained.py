"""TrainedModels: models that come to, and leave, the replicas of a service that runs.

The replicas of the service that they name load them beside each other; the service's
own revisions stay as they are. One that cannot be fetched or loaded is said of itself
and disturbs neither its neighbours nor the service.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.api import (
    InferenceService,
    ModelFormatRef,
    ModelSpec,
    TrainedModel,
    quantity,
)
from inferry.errors import InferryError, PlanningError
from inferry.planning import plan
from inferry.status import Reason
from inferry_local.messages import Load, Unload
from inferry_local.model_fields import model_fields
from inferry_local.records import Failure, RevisionRecord, TrainedRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from inferry.api import Document
    from inferry.planning import Catalog, RevisionPlan
    from inferry.storage import Secret
    from inferry_local.channel import Link
    from inferry_local.records import ServiceRecord
    from inferry_local.sources import Fetcher

logger = logging.getLogger(__name__)


class TrainedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One model of a service of many; ``memory`` is what it says to need, in bytes."""

    name: str
    revision: RevisionPlan
    memory: int = 0


def of_service(
    service: InferenceService, documents: Iterable[Document]
) -> Iterator[TrainedModel]:
    """Yield the TrainedModels of *service*."""
    for each in documents:
        if (
            isinstance(each, TrainedModel)
            and each.metadata.namespace == service.metadata.namespace
            and each.spec.inference_service == service.metadata.name
        ):
            yield each


def planned(
    model: TrainedModel, service: InferenceService, catalog: Catalog
) -> TrainedPlan:
    """Plan *model* as if *service* had it alone: same secrets, runtime by its format.

    Raises:
        PlanningError: Nothing here serves it, or its name is the service's own.

    """
    name, spec = model.metadata.name, model.spec.model
    if name == service.metadata.name:
        raise PlanningError(
            f"TrainedModel {name}: the service has a model of that name itself",
            reason=Reason.InvalidSpec,
            remedy="give the TrainedModel another name",
        )
    predictor = service.spec.predictor
    own = predictor.model
    made = ModelSpec(
        model_format=ModelFormatRef(name=spec.framework), storage_uri=spec.storage_uri
    )
    if own and own.model_format and own.model_format.name == spec.framework:
        # Its arguments are meant for all its models.
        made = msgspec.structs.replace(own, storage_uri=spec.storage_uri)
    alone = msgspec.structs.replace(predictor, model=made)
    whole = msgspec.structs.replace(
        service, spec=msgspec.structs.replace(service.spec, predictor=alone)
    )
    try:
        revision = plan(whole, catalog, backend="local").revisions[0]
    except PlanningError as error:
        raise PlanningError(
            f"TrainedModel {name}: {error.message}",
            reason=error.reason,
            remedy=error.remedy,
        ) from None
    return TrainedPlan(
        name=name, revision=revision, memory=int(quantity(spec.memory) or 0)
    )


class TrainedModels:
    """Brings the models of services to what is planned."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    async def bring(
        self,
        service: ServiceRecord,
        wanted: Sequence[TrainedPlan],
        secrets: Sequence[Secret],
    ) -> None:
        """Fetch and load what is new or changed, unload what is no more."""
        names = {each.name for each in wanted}
        for name in [each for each in service.trained if each not in names]:
            self.remove(service, name)
        new = [each for each in wanted if _is_new(service.trained.get(each.name), each)]
        for each in new:
            if each.name in service.trained:
                self._fetcher.release(service.trained[each.name].record)
            service.trained[each.name] = TrainedRecord(
                plan=each, record=RevisionRecord(plan=each.revision, application="")
            )
        await asyncio.gather(*(self._fetch(service, each, secrets) for each in new))

    def remove(self, service: ServiceRecord, name: str) -> None:
        """Unload one model everywhere, after what it still computes."""
        model = service.trained.pop(name)
        for link in _links(service):
            link.send(Unload(name=name))
        self._fetcher.release(model.record)
        service.note(f"model {name} is removed")

    def welcome(self, service: ServiceRecord, link: Link) -> None:
        """Tell a new replica all the models that it is to load."""
        for model in service.trained.values():
            if model.fields:
                link.send(Load(model=model.fields))

    async def _fetch(
        self, service: ServiceRecord, each: TrainedPlan, secrets: Sequence[Secret]
    ) -> None:
        model = service.trained[each.name]
        try:
            path = await self._fetcher.fetch(
                model.record, lambda _: None, secrets, service.note
            )
        except InferryError as error:
            reason = str(getattr(error, "reason", Reason.StorageFailed))
            model.failure = Failure(
                reason=reason, message=error.message, remedy=error.remedy
            )
            service.note(f"model {each.name} failed: {error}")
            return
        fields = model_fields(model.record.predictor, path)
        model.fields = {**fields, "name": each.name, "memory": each.memory}
        if service.trained.get(each.name) is not model:
            self._fetcher.release(model.record)  # it was removed meanwhile
            return
        for link in _links(service):
            link.send(Load(model=model.fields))


def memory_budget(container: Mapping[str, Any]) -> int:
    """Return the bytes that all models of a service may hold: its container's limit."""
    limits = (container.get("resources") or {}).get("limits") or {}
    return int(quantity(limits.get("memory", 0)) or 0)


def _is_new(known: TrainedRecord | None, plan: TrainedPlan) -> bool:
    return known is None or known.plan != plan or known.failure is not None


def _links(service: ServiceRecord) -> list[Link]:
    """Return the replicas that listen: others are told once they do."""
    return [
        replica.link
        for revision in service.revisions.values()
        for replica in revision.replicas.values()
        if replica.port
    ]
