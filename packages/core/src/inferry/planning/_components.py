"""One component of a service: runtime and service joined into a `ComponentPlan`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.api._types import PredictorSpec
from inferry.errors import PlanningError
from inferry.planning._foreign import check_foreign, check_local
from inferry.planning._images import retagged
from inferry.planning._merge import SERVING_CONTAINER, container, without
from inferry.planning._options import NO_ARGUMENTS, Arguments, read_arguments
from inferry.planning._placeholders import Values
from inferry.planning._pods import joined_pod, serving_container
from inferry.planning._scaling import scaling_plan, with_policy
from inferry.planning._selection import Selection, select
from inferry.planning._server_types import server_labels, told_name
from inferry.planning._sources import (
    Readable,
    StorageChoice,
    model_sources,
    uri_sources,
)
from inferry.planning._storage_choice import choose_storage
from inferry.planning.plan import ComponentPlan, ModelPlan, RuntimeChoice
from inferry.status import Reason

if TYPE_CHECKING:
    from inferry.api._types import ComponentSpec, InferenceService, ModelSpec
    from inferry.planning._catalog import Catalog, RuntimeEntry
    from inferry.planning.fields import Mode
    from inferry.planning.plan import Component
    from inferry.storage import Source

#: Annotations that KServe keeps from the objects that it makes of a service.
KEPT_BACK = frozenset(
    {
        "autoscaling.knative.dev/max-scale",
        "autoscaling.knative.dev/min-scale",
        "internal.serving.kserve.io/storage-initializer-sourceuri",
        "kubectl.kubernetes.io/last-applied-configuration",
        "modelFormat",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What every part of one plan needs to know.

    ``previous`` is the runtime that serves the same specification now, ``mode`` how a
    cluster deploys the service. One that ``hosts_models`` needs none of its own.
    """

    service: InferenceService
    catalog: Catalog
    backend: str
    previous: RuntimeChoice | None = None
    mode: Mode = "Standard"
    hosts_models: bool = False

    @property
    def name(self) -> str:
        """The service's name."""
        return self.service.metadata.name

    @property
    def namespace(self) -> str:
        """The service's namespace."""
        return self.service.metadata.namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedComponent:
    """A component with everything that explains it; ``where`` is its path.

    ``identity`` is what makes its revision: only what it serves, and with what.
    """

    where: str
    plan: ComponentPlan
    identity: dict[str, Any]
    selection: Selection | None = None
    storage: tuple[StorageChoice, ...] = ()
    arguments: Arguments = NO_ARGUMENTS


def plan_predictor(
    predictor: PredictorSpec, scene: Scene, where: str
) -> PlannedComponent:
    """Plan the predictor at *where*, of a model or of containers.

    Raises:
        PlanningError: It cannot be planned; the message says what and why.

    """
    if predictor.model is None:
        return plan_containers("predictor", predictor, scene, where)
    return _plan_model(predictor, predictor.model, scene, where)


def plan_containers(
    component: Component, spec: ComponentSpec, scene: Scene, where: str
) -> PlannedComponent:
    """Plan a component that is nothing but containers.

    Raises:
        PlanningError: It has no container.

    """
    containers = spec.pod.get("containers") or ()
    if not containers:
        msg = f"{where} has neither a model nor a container"
        raise PlanningError(
            msg, reason=Reason.InvalidSpec, remedy=f"set {where}.model or containers"
        )
    main = container(spec.pod, SERVING_CONTAINER) or dict(containers[0])
    env = {each.get("name"): each.get("value") for each in main.get("env") or ()}
    readable = _readable(spec, scene)
    sources = uri_sources(spec.storage_uris, readable)
    if not sources and env.get("STORAGE_URI"):
        sources = (readable.source(str(env["STORAGE_URI"])),)
    storage = choose_storage(sources, scene.catalog, backend=scene.backend)
    others = [each for each in containers if each.get("name") != main.get("name")]
    pod = without(spec.pod, "containers") | ({"containers": others} if others else {})
    plan = _component(component, spec, scene)
    plan = msgspec.structs.replace(
        plan,
        sources=sources,
        storage_backends=tuple(each.backend for each in storage),
        protocol=str(env.get("PROTOCOL") or "v1"),
        protocols=(str(env.get("PROTOCOL") or "v1"),),
        container=main,
        pod=pod,
    )
    identity = _identity(plan, spec.labels, spec.annotations)
    return PlannedComponent(where=where, plan=plan, identity=identity, storage=storage)


def _plan_model(
    predictor: PredictorSpec, model: ModelSpec, scene: Scene, where: str
) -> PlannedComponent:
    multi_node = predictor.worker_spec is not None
    selection = select(
        model,
        scene.namespace,
        scene.catalog,
        multi_node=multi_node,
        previous=scene.previous,
    )
    selection = _as_before(selection, scene)
    entry = selection.entry
    if scene.backend == "local":
        check_local(entry)
    readable = _readable(predictor, scene)
    sources = model_sources(model, predictor.storage_uris, readable)
    container = predictor.storage_container_name or ""
    storage = choose_storage(
        sources, scene.catalog, backend=scene.backend, container=container
    )
    labels = server_labels(entry.server_type, selection.format.name, selection.protocol)
    values = _values(predictor, selection, sources, labels, scene)
    merged, own_args = serving_container(model, selection, values)
    arguments = _arguments(merged, own_args, entry, scene, where)
    options = arguments.values()
    if not options.get("url"):  # of a server that has the model already
        _check_sources(entry, sources, scene, where, str(options.get("modelId") or ""))
    named = arguments.server.get("model_name")
    model_plan = ModelPlan(
        name=str(named.value) if named else told_name(merged) or scene.name,
        format=selection.format.name,
        format_version=_format_version(model, selection),
        target=_target(entry, scene),
        options=options,
    )
    if options.get("allowPickle") is True:
        # The service's word for its own model; no setting has to repeat it.
        sources = tuple(msgspec.structs.replace(s, trusted=True) for s in sources)
    plan = msgspec.structs.replace(
        _component("predictor", predictor, scene, entry, labels),
        runtime=RuntimeChoice(
            name=entry.name,
            scope=entry.scope,
            plugin=entry.plugin,
            version=entry.version,
            why=selection.why,
        ),
        model=model_plan,
        sources=sources,
        storage_backends=tuple(each.backend for each in storage),
        protocol=selection.protocol,
        protocols=entry.protocols,
        container=merged,
        pod=joined_pod(predictor, entry, values),
    )
    identity = _identity(
        plan,
        {**entry.labels, **labels, **predictor.labels},
        {**entry.annotations, **predictor.annotations},
    )
    return PlannedComponent(
        where=where,
        plan=plan,
        identity=identity,
        selection=selection,
        storage=storage,
        arguments=arguments,
    )


def _as_before(selection: Selection, scene: Scene) -> Selection:
    """Return *selection* in the version that serves the same specification now.

    A newer plugin in the controller restarts nothing: what a service runs changes when
    its specification does. On a laptop it is what is installed that serves.
    """
    before, entry = scene.previous, selection.entry
    if scene.backend == "local" or before is None or not before.version:
        return selection
    if (before.name, before.scope, before.plugin) != (
        entry.name,
        entry.scope,
        entry.plugin,
    ):
        return selection
    pod = entry.pod
    if entry.scope == "plugin":
        pod = retagged(pod, entry.version, before.version)
    kept = replace(entry, version=before.version, pod=pod)
    return replace(selection, entry=kept)


def _readable(spec: ComponentSpec, scene: Scene) -> Readable:
    """Return which secrets the component's fetches may read."""
    annotations = {**scene.service.metadata.annotations, **spec.annotations}
    return Readable.of(spec.pod, annotations)


def _check_sources(
    entry: RuntimeEntry,
    sources: tuple[Source, ...],
    scene: Scene,
    where: str,
    model_id: str,
) -> None:
    if sources or scene.backend != "local" or not entry.artifacts:
        return
    if scene.hosts_models:
        return
    msg = f"{where}.model does not say where the model is"
    # KServe's Hugging Face server gets what its args name by itself.
    instead = f" to hf://OWNER/NAME in place of --model_id={model_id}"
    raise PlanningError(
        msg,
        reason=Reason.InvalidSpec,
        remedy=(
            f"set {where}.model.storageUri{instead if model_id else ''}; the runtime "
            f"{entry.name!r} looks there for {', '.join(entry.artifacts)}; or apply "
            "TrainedModels for the service together with it"
        ),
    )


def _target(entry: RuntimeEntry, scene: Scene) -> str:
    """Return what serves the model where a plugin does, and not an image from YAML."""
    if entry.model is None:
        return ""
    if scene.backend != "local" and (entry.scope != "plugin" or entry.is_foreign):
        return ""
    return entry.model.target


def _format_version(model: ModelSpec, selection: Selection) -> str:
    asked = model.model_format.version if model.model_format else None
    return asked or selection.format.version or ""


def _arguments(
    merged: dict[str, Any], own: int, entry: RuntimeEntry, scene: Scene, where: str
) -> Arguments:
    args = [str(each) for each in merged.get("args") or ()]
    split = len(args) - own
    if not _target(entry, scene):
        check_foreign(entry, args[split:], where)
        return NO_ARGUMENTS
    if entry.is_foreign:
        args, split = args[split:], 0  # the others are that server's own
    return read_arguments(
        (
            (f"runtime {entry.name}", args[:split]),
            (f"{where}.model.args", args[split:]),
        ),
        entry.options,
        runtime=entry.name,
    )


def _values(
    predictor: PredictorSpec,
    selection: Selection,
    sources: tuple[Source, ...],
    labels: dict[str, str],
    scene: Scene,
) -> Values:
    metadata = scene.service.metadata
    return Values(
        name=scene.name,
        namespace=scene.namespace,
        labels={**labels, **metadata.labels, **predictor.labels},
        annotations={
            "modelFormat": selection.format.name,
            **metadata.annotations,
            **predictor.annotations,
        },
        storage_uri=sources[0].uri if sources else "",
        where=f"runtime {selection.entry.name}",
    )


def _component(
    component: Component,
    spec: ComponentSpec,
    scene: Scene,
    entry: RuntimeEntry | None = None,
    added: dict[str, str] | None = None,
) -> ComponentPlan:
    """Return what every component has: labels, scaling, limits."""
    metadata = scene.service.metadata
    of_runtime = (entry.labels, entry.annotations) if entry else ({}, {})
    annotations = {**of_runtime[1], **metadata.annotations, **spec.annotations}
    batcher = None if spec.batcher is None else msgspec.to_builtins(spec.batcher)
    logger = None if spec.logger is None else msgspec.to_builtins(spec.logger)
    return ComponentPlan(
        component=component,
        labels={
            **of_runtime[0],
            **(added or {}),
            **metadata.labels,
            **spec.labels,
            "component": component,
            "serving.kserve.io/inferenceservice": scene.name,
        },
        annotations={k: v for k, v in annotations.items() if k not in KEPT_BACK},
        scaling=with_policy(scaling_plan(spec, annotations), scene.catalog.policies),
        timeout=None if spec.timeout is None else float(spec.timeout),
        concurrency=spec.container_concurrency or 0,
        batcher=batcher,
        logger=logger,
        strategy=spec.deployment_strategy,
        **_of_predictor(spec),
    )


def _of_predictor(spec: ComponentSpec) -> dict[str, Any]:
    """Return what only a predictor can say of its pods."""
    if not isinstance(spec, PredictorSpec):
        return {}
    confidential = spec.model.confidential if spec.model else None
    return {
        "storage_container": spec.storage_container_name or "",
        "confidential": msgspec.to_builtins(confidential) if confidential else {},
    }


def _identity(
    plan: ComponentPlan, labels: dict[str, str], annotations: dict[str, str]
) -> dict[str, Any]:
    """Return what a new revision is made for.

    Scaling, traffic, timeouts and the service's own labels change without one.
    """
    runtime = plan.runtime
    return {
        "component": plan.component,
        "runtime": [runtime.name, runtime.plugin, runtime.version] if runtime else [],
        "model": msgspec.to_builtins(plan.model),
        "sources": msgspec.to_builtins(plan.sources),
        "protocol": plan.protocol,
        "container": plan.container,
        "pod": plan.pod,
        "labels": dict(labels),
        "annotations": dict(annotations),
        "concurrency": plan.concurrency,
        "batcher": plan.batcher,
        "logger": plan.logger,
        **_further(plan),
    }


def _further(plan: ComponentPlan) -> dict[str, Any]:
    """Return what few services set, so that the others keep their revision."""
    further = {
        "storageContainer": plan.storage_container,
        "confidential": plan.confidential,
    }
    return {key: value for key, value in further.items() if value}
