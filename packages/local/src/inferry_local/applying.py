"""From documents to plans: what can be refused is refused before a change."""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.api import InferenceService, TrainedModel, to_dict
from inferry.backends import Applied
from inferry.errors import BackendError, PlanningError
from inferry.planning import Catalog, hosts, plan
from inferry.plugins import lacks_extra
from inferry.status import Reason
from inferry_local import trained
from inferry_local.model_fields import model_fields

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from inferry.api import Document
    from inferry.backends import Action
    from inferry.config import Settings
    from inferry.planning import ComponentPlan, RuntimeChoice, ServingPlan
    from inferry.plugins import Plugins, Provided, Runtime
    from inferry_local.trained import TrainedPlan

_LOG = logging.getLogger(__name__)
# Kinds that a laptop has no use for, and what stands in for them.
_REFUSED = {
    "InferenceGraph": "call its services one after the other",
}

Key = tuple[str, str, str]


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One service with its plan; ``document`` is the service as a dictionary.

    ``trained`` are the TrainedModels that name it. One that ``hosts`` them, or did, has
    no model of its own.
    """

    service: InferenceService
    document: dict[str, Any]
    plan: ServingPlan
    trained: tuple[TrainedPlan, ...] = ()
    hosts: bool = False


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
    known: Mapping[tuple[str, str], bool] = MappingProxyType({}),
) -> list[Planned]:
    """Plan all *services*, or refuse all of them.

    ``chosen`` are the runtimes that serve unchanged services now; they are kept.
    ``known`` are services there are besides, by namespace and name, and whether they
    host TrainedModels.

    Raises:
        PlanningError: One cannot be planned.
        BackendError: Several cannot; the message has a line for each.

    """
    _sort_out(runtimes)
    services = list(services)
    _check_hosts(runtimes, {*map(_place, services), *known})
    hosting = hosts(runtimes) | {name for name, is_host in known.items() if is_host}
    catalog = Catalog.build(plugins, runtimes, settings)
    planned: list[Planned] = []
    refused: list[PlanningError] = []
    for service in services:
        try:
            kept = chosen.get(key(service))
            made = _plan(service, catalog, plugins, kept, hosting)
            models = trained.of_service(service, runtimes)
            plans = tuple(trained.planned(each, service, catalog) for each in models)
            planned.append(msgspec.structs.replace(made, trained=plans))
        except PlanningError as error:
            refused.append(_named(service, error))
    if len(refused) == 1:
        raise refused[0]
    if refused:
        lines = "\n".join(f"  {each}" for each in refused)
        raise BackendError(f"{len(refused)} services cannot be served\n{lines}")
    return planned


def _place(service: InferenceService) -> tuple[str, str]:
    return service.metadata.namespace, service.metadata.name


def _check_hosts(
    documents: Iterable[Document], known: Collection[tuple[str, str]]
) -> None:
    """Refuse a TrainedModel whose service is nowhere."""
    for each in documents:
        if not isinstance(each, TrainedModel):
            continue
        host = each.metadata.namespace, each.spec.inference_service
        if host not in known:
            raise PlanningError(
                f"TrainedModel {each.metadata.name}: there is no InferenceService "
                f"{'/'.join(host)} to serve it",
                reason=Reason.InvalidSpec,
                remedy="apply the InferenceService before it, or in the same file",
            )


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
    hosting: Collection[tuple[str, str]],
) -> Planned:
    is_host = _place(service) in hosting
    made = plan(service, catalog, backend="local", previous=kept, hosts_models=is_host)
    provided = {each.descriptor.name: each for each in plugins.runtimes()}
    for revision in made.revisions:
        for component in revision.components:
            _check(component, provided)
    sources = [each for one in made.revisions for each in one.components[0].sources]
    return Planned(
        service=service,
        document=to_dict(service),
        plan=made,
        hosts=is_host and not sources,
    )


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


def action_of(known: bool, changed: bool) -> Action:  # noqa: FBT001 - two facts
    """Say what was done with a document."""
    if not known:
        return "created"
    return "configured" if changed else "unchanged"


def applied_as(document: Key, action: Action) -> Applied:
    """Return what became of *document*."""
    kind, namespace, name = document
    return Applied(kind=kind, namespace=namespace, name=name, action=action)
