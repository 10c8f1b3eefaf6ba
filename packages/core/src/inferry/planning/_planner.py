"""`plan` and `explain`: one service, one catalog, one answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.api._names import DEPLOYMENT_MODE, LEGACY_MODES
from inferry.api._trained_models import TrainedModel
from inferry.errors import PlanningError
from inferry.planning._components import Scene
from inferry.planning._placeholders import Values, replace
from inferry.planning._revisions import canary_percent, plan_revisions
from inferry.planning._unhonoured import runtime_pod_unhonoured, unhonoured
from inferry.planning.fields import HONOURED_FLAGS, SERVER_FLAG
from inferry.planning.plan import (
    Component,
    RuntimeChoice,
    ScalingPlan,
    ServingPlan,
    Unhonoured,
)
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inferry.api import Document
    from inferry.api._types import InferenceService
    from inferry.planning._catalog import Catalog
    from inferry.planning._components import PlannedComponent
    from inferry.planning._options import OptionValue
    from inferry.planning._revisions import PlannedRevision
    from inferry.planning._selection import Candidate
    from inferry.planning._sources import StorageChoice
    from inferry.planning.fields import Mode

STOP_ANNOTATION = "serving.kserve.io/stop"
_DNS_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
    r"(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*\Z"
)


class ComponentExplanation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How one component came about; ``origin`` is where its runtime comes from."""

    component: Component
    path: str
    revision: str
    variant: str = ""
    percent: int | None = None
    runtime: RuntimeChoice | None = None
    origin: str = ""
    candidates: tuple[Candidate, ...] = ()
    model_name: str = ""
    model_format: str = ""
    format_version: str = ""
    target: str = ""
    protocol: str = ""
    image: str = ""
    storage: tuple[StorageChoice, ...] = ()
    scaling: ScalingPlan = ScalingPlan()
    policy_origin: str = ""
    options: tuple[OptionValue, ...] = ()


class Explanation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Everything that was chosen for a service, and why."""

    namespace: str
    name: str
    backend: str
    url: str
    host: str
    path: str
    stopped: bool = False
    components: tuple[ComponentExplanation, ...] = ()
    unhonoured: tuple[Unhonoured, ...] = ()


def plan(
    service: InferenceService,
    catalog: Catalog,
    *,
    backend: str = "local",
    previous: RuntimeChoice | None = None,
    mode: Mode = "Standard",
    hosts_models: bool = False,
) -> ServingPlan:
    """Plan *service*; pure: the same arguments always give an equal plan.

    *previous* is the runtime that was chosen for the same specification before: it is
    kept as long as it fits, though a better one may have come. Leave it out where the
    specification has changed. *mode* is how a cluster deploys a service whose
    annotation ``serving.kserve.io/deploymentMode`` does not say it. A service that
    *hosts_models* needs none of its own: TrainedModels come to it.

    Raises:
        PlanningError: It cannot be served, with a reason of `inferry.status.Reason`.

    """
    scene = Scene(
        service=service,
        catalog=catalog,
        backend=backend,
        previous=previous,
        mode=_mode(service, mode),
        hosts_models=hosts_models,
    )
    return _draft(scene)[0]


def explain(
    service: InferenceService,
    catalog: Catalog,
    *,
    backend: str = "local",
    mode: Mode = "Standard",
    hosts_models: bool = False,
) -> Explanation:
    """Plan *service* and say why everything is as it is.

    Raises:
        PlanningError: As `plan`.

    """
    scene = Scene(
        service=service,
        catalog=catalog,
        backend=backend,
        mode=_mode(service, mode),
        hosts_models=hosts_models,
    )
    planned, revisions = _draft(scene)
    return Explanation(
        namespace=planned.namespace,
        name=planned.name,
        backend=backend,
        url=f"{catalog.ingress.url_scheme}://{planned.host}",
        host=planned.host,
        path=planned.path,
        stopped=planned.stopped,
        components=tuple(
            _explained(revision, component, catalog)
            for revision in revisions
            for component in revision.components
        ),
        unhonoured=planned.unhonoured,
    )


def hosts(documents: Iterable[Document]) -> frozenset[tuple[str, str]]:
    """Return namespace and name of every service that TrainedModels name."""
    return frozenset(
        (each.metadata.namespace, each.spec.inference_service)
        for each in documents
        if isinstance(each, TrainedModel)
    )


def _draft(scene: Scene) -> tuple[ServingPlan, tuple[PlannedRevision, ...]]:
    service, backend = scene.service, scene.backend
    lost = unhonoured(service, backend, scene.mode)
    _refuse(lost, backend)
    revisions = plan_revisions(scene)
    of_runtimes = tuple(
        each
        for revision in revisions
        for component in revision.components
        for each in _lost_in_component(component, scene)
    )
    metadata = service.metadata
    drafted = ServingPlan(
        namespace=metadata.namespace,
        name=metadata.name,
        host=_host(scene),
        path=f"/serving/{metadata.namespace}/{metadata.name}",
        revisions=tuple(each.plan for each in revisions),
        hosts=_component_hosts(scene, revisions),
        labels=dict(metadata.labels),
        annotations=dict(metadata.annotations),
        canary_percent=None if service.spec.canary else canary_percent(service.spec),
        stopped=metadata.annotations.get(STOP_ANNOTATION, "").lower() == "true",
        unhonoured=tuple(dict.fromkeys((*lost, *of_runtimes))),
    )
    return drafted, revisions


def _mode(service: InferenceService, otherwise: Mode) -> Mode:
    """Return the mode that the annotation names, else *otherwise*."""
    named = service.metadata.annotations.get(DEPLOYMENT_MODE, "")
    if LEGACY_MODES.get(named, named) == "Knative":
        return "Knative"
    return "Standard" if named else otherwise


def _refuse(lost: tuple[Unhonoured, ...], backend: str) -> None:
    fatal = [each for each in lost if each.fatal]
    if not fatal:
        return
    reasons = "; ".join(f"{each.path}: {each.why}" for each in fatal)
    names = ", ".join(each.path for each in fatal)
    raise PlanningError(
        f"the {backend} backend cannot serve this: {reasons}",
        reason=Reason.NotSupportedByBackend,
        remedy=f"remove {names}, or use another backend",
    )


def _lost_in_component(
    component: PlannedComponent, scene: Scene
) -> Iterator[Unhonoured]:
    if scene.backend == "local":
        for name, flag in component.arguments.server.items():
            own = flag.origin == f"{component.where}.model.args"
            if own and name not in HONOURED_FLAGS:
                yield Unhonoured(path=f"{flag.origin}[--{name}]", why=SERVER_FLAG.why)
    selection = component.selection
    if selection is not None and selection.entry.scope != "plugin":
        entry = selection.entry
        where = f"{entry.origin.replace(' ', '/')}.spec"
        yield from runtime_pod_unhonoured(entry.pod, where, scene.backend, scene.mode)


def _host(scene: Scene) -> str:
    host = _host_of(scene.name, scene)
    if not _DNS_NAME.match(host):
        msg = f"{host!r} is not a host name"
        raise PlanningError(
            msg,
            reason=Reason.InvalidSpec,
            remedy="shorten the name, or correct the setting ingress.domain_template",
        )
    return host


def _component_hosts(
    scene: Scene, revisions: tuple[PlannedRevision, ...]
) -> dict[Component, str]:
    """Return what KServe publishes for each component: as for a service named so."""
    found = {}
    for revision in revisions:
        for each in revision.components:
            component = each.plan.component
            host = _host_of(f"{scene.name}-{component}", scene)
            # A component's name is the longer one: the service may do without.
            if _DNS_NAME.match(host):
                found[component] = host
    return found


def _host_of(name: str, scene: Scene) -> str:
    ingress, metadata = scene.catalog.ingress, scene.service.metadata
    values = Values(
        name=name,
        namespace=scene.namespace,
        labels=metadata.labels,
        annotations=metadata.annotations,
        ingress_domain=ingress.domain,
        where="setting ingress.domain_template",
    )
    host: str = replace(ingress.domain_template, values)
    for key, value in (
        ("{name}", name),
        ("{namespace}", scene.namespace),
        ("{domain}", ingress.domain),
    ):
        host = host.replace(key, value)
    return host


def _explained(
    revision: PlannedRevision, component: PlannedComponent, catalog: Catalog
) -> ComponentExplanation:
    drafted, selection = component.plan, component.selection
    model = drafted.model
    image: Any = drafted.container.get("image", "")
    return ComponentExplanation(
        component=drafted.component,
        path=component.where,
        revision=revision.plan.name,
        variant=revision.plan.variant,
        percent=revision.plan.percent,
        runtime=drafted.runtime,
        origin=selection.entry.origin if selection else "",
        candidates=selection.candidates if selection else (),
        model_name=model.name if model else "",
        model_format=model.format if model else "",
        format_version=model.format_version if model else "",
        target=model.target if model else "",
        protocol=drafted.protocol,
        image=str(image),
        storage=component.storage,
        scaling=drafted.scaling,
        policy_origin=_policy_origin(drafted.scaling.policy, catalog),
        options=component.arguments.options,
    )


def _policy_origin(policy: str, catalog: Catalog) -> str:
    found = catalog.policies.get(policy)
    return f"plugin {found.distribution} {found.version}" if found else ""
