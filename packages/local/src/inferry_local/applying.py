"""From documents to plans: what can be refused is refused before a change."""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.api import InferenceService, to_dict
from inferry.errors import BackendError, PlanningError
from inferry.planning import Catalog, plan
from inferry.plugins import lacks_extra
from inferry.status import Reason
from inferry_local.model_fields import model_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from inferry.api import Document
    from inferry.config import Settings
    from inferry.planning import ComponentPlan, RuntimeChoice, ServingPlan
    from inferry.plugins import Plugins, Provided, Runtime

_LOG = logging.getLogger(__name__)
# Kinds that a laptop has no use for, and what stands in for them.
_REFUSED = {
    "InferenceGraph": "call its services one after the other",
    "TrainedModel": "give the model an InferenceService of its own",
}

Key = tuple[str, str, str]


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One service with its plan; ``document`` is the service as a dictionary."""

    service: InferenceService
    document: dict[str, Any]
    plan: ServingPlan


def key(document: Document) -> Key:
    """Return kind, namespace and name, which tell documents apart."""
    # A kind without namespaces has none here, either.
    return document.kind, document.metadata.namespace, document.metadata.name


def plan_services(
    services: Iterable[InferenceService],
    runtimes: Sequence[Document],
    plugins: Plugins,
    settings: Settings,
    *,
    chosen: Mapping[Key, RuntimeChoice] = MappingProxyType({}),
) -> list[Planned]:
    """Plan all *services*, or refuse all of them.

    ``chosen`` are the runtimes that serve unchanged services now; they are kept.

    Raises:
        PlanningError: One cannot be planned.
        BackendError: Several cannot; the message has a line for each.

    """
    _sort_out(runtimes)
    catalog = Catalog.build(plugins, runtimes, settings)
    planned: list[Planned] = []
    refused: list[PlanningError] = []
    for service in services:
        try:
            kept = chosen.get(key(service))
            planned.append(_plan(service, catalog, plugins, kept))
        except PlanningError as error:
            refused.append(_named(service, error))
    if len(refused) == 1:
        raise refused[0]
    if refused:
        lines = "\n".join(f"  {each}" for each in refused)
        raise BackendError(f"{len(refused)} services cannot be served\n{lines}")
    return planned


def _sort_out(documents: Iterable[Document]) -> None:
    """Refuse the kinds that nothing here serves, and report those without effect."""
    for document in documents:
        name = f"{document.kind} {document.metadata.name}"
        if document.kind in _REFUSED:
            raise PlanningError(
                f"{name}: the local backend does not serve this kind",
                reason=Reason.NotSupportedByBackend,
                remedy=f"leave it out; {_REFUSED[document.kind]}",
            )
        if document.kind == "ClusterStorageContainer":
            _LOG.warning(
                "%s has no effect here: a storage plugin reads the models", name
            )


def _plan(
    service: InferenceService,
    catalog: Catalog,
    plugins: Plugins,
    kept: RuntimeChoice | None,
) -> Planned:
    made = plan(service, catalog, backend="local", previous=kept)
    provided = {each.descriptor.name: each for each in plugins.runtimes()}
    for revision in made.revisions:
        for component in revision.components:
            _check(component, provided)
    return Planned(service=service, document=to_dict(service), plan=made)


def _check(component: ComponentPlan, provided: dict[str, Provided[Runtime]]) -> None:
    """Refuse what no process here could serve, which planning alone cannot see."""
    if component.component != "predictor" or not (
        component.model and component.model.target
    ):
        raise PlanningError(
            f"the {component.component} is a container, which nothing here can run",
            reason=Reason.NotSupportedByBackend,
            remedy="use a runtime with a Python model, or the kubernetes backend",
        )
    # A batcher or logger that makes no sense is said now, not by a replica.
    model_fields(component, None)
    choice = component.runtime
    plugin = provided.get(choice.name) if choice else None
    reference = plugin.descriptor.model if plugin else None
    if plugin is None or reference is None or not reference.extra:
        return
    if lacks_extra(plugin.distribution, reference.extra):
        raise PlanningError(
            f"runtime {plugin.descriptor.name!r} is installed without what serves it",
            reason=Reason.RuntimeNotInstalled,
            remedy=f"pip install '{plugin.distribution}[{reference.extra}]'",
        )


def _named(service: InferenceService, error: PlanningError) -> PlanningError:
    """Begin the message with the service's name, unless it is there already."""
    name = f"{service.metadata.namespace}/{service.metadata.name}"
    if error.message.startswith((name, f"InferenceService {name}")):
        return error
    return PlanningError(
        f"{name}: {error.message}", reason=error.reason, remedy=error.remedy
    )
