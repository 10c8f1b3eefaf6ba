"""Implementations, exactly one for each component, and the containers they run in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from inferry._suggest import closest
from inferry.api import _types
from inferry.api._default import is_empty_twin, legacy_keys
from inferry.api._names import MAIN_CONTAINER
from inferry.api._problems import Finding
from inferry.api._quantities import exceeds
from inferry.api._rules._parts import (
    Container,
    components,
    containers,
    env,
    models,
    pod_containers,
    predictors,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inferry.api._problems import Path
    from inferry.api._types import (
        ComponentSpec,
        ExplainerSpec,
        InferenceService,
        PredictorSpec,
    )

# Variables that make a container run code of the author's choice in ours.
FORBIDDEN_ENV = ("PYTHONPATH", "LD_PRELOAD")
_PROTOCOLS = ("v1", "v2")
_CONTAINER_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def implementations(service: InferenceService) -> Iterator[Finding]:
    """Each component has exactly one implementation."""
    for path, predictor in predictors(service):
        yield from _predictor(path, predictor)
    if service.spec.explainer:
        yield from _explainer(("spec", "explainer"), service.spec.explainer)
    transformer = service.spec.transformer
    if transformer and not transformer.pod.get("containers"):
        message = "has no implementation; give it 'containers'"
        yield Finding(("spec", "transformer"), message)


def empty_legacy_keys(service: InferenceService) -> Iterator[Finding]:
    """An empty key beside a model of its own format is odd, but harmless."""
    for path, predictor in predictors(service):
        for key in legacy_keys(predictor):
            if predictor.model and is_empty_twin(predictor, key):
                message = "is empty and only repeats model.modelFormat; leave it out"
                yield Finding((*path, key), message, severity="warning")


def model_format(service: InferenceService) -> Iterator[Finding]:
    """A model says its format, and leaves the container's name to us."""
    for path, component in components(service):
        for model_path, model in models(path, component):
            if isinstance(model, _types.ArtExplainer):
                continue
            if model.model_format is None and model_path[-1] == "model":
                message = "is required, for example 'modelFormat: {name: sklearn}'"
                yield Finding((*model_path, "modelFormat"), message)
    for container in _model_containers(service):
        if container.name:
            message = f"cannot be set: the container is always {MAIN_CONTAINER}"
            yield Finding((*container.path, "name"), message)


def environment(service: InferenceService) -> Iterator[Finding]:
    """No container gets a variable that injects code."""
    for path, component in components(service):
        yield from check_environment(containers(path, component))


def protocols(service: InferenceService) -> Iterator[Finding]:
    """A custom predictor's PROTOCOL is one we speak to it."""
    for path, component in components(service):
        for container in pod_containers(path, component.pod):
            for env_path, name, value in env(container):
                if name == "PROTOCOL" and value is not None and value not in _PROTOCOLS:
                    message = f"PROTOCOL is {value!r}; it must be v1 or v2"
                    yield Finding((*env_path, "value"), message)


def pods(service: InferenceService) -> Iterator[Finding]:
    """Containers are named, have an image, and mount volumes that exist."""
    for path, component in components(service):
        yield from check_containers(path, component.pod)
        if worker := getattr(component, "worker_spec", None):
            yield from check_containers((*path, "workerSpec"), worker.pod)
        by_runtime = isinstance(component, _types.PredictorSpec) and component.model
        if not by_runtime:
            yield from _images(path, component)
            yield from _volumes(path, component)


def resources(service: InferenceService) -> Iterator[Finding]:
    """No container requests more than its limit."""
    for path, component in components(service):
        yield from check_resources(containers(path, component))


RULES = (
    implementations,
    empty_legacy_keys,
    model_format,
    environment,
    protocols,
    pods,
    resources,
)


def check_environment(each: Iterable[Container]) -> Iterator[Finding]:
    """Yield a finding for each forbidden variable."""
    for container in each:
        for path, name, _ in env(container):
            if name in FORBIDDEN_ENV:
                message = (
                    f"{name} cannot be set: it would run foreign code in the server"
                )
                yield Finding(path, message)


def check_containers(path: Path, pod: dict[str, Any]) -> Iterator[Finding]:
    """Yield a finding for each container name that is missing, misshapen or taken."""
    seen: set[str] = set()
    for container in pod_containers(path, pod):
        where: Path = (*container.path, "name")
        name = container.name
        if not name:
            yield Finding(where, "is required")
        elif not _CONTAINER_NAME.fullmatch(name):
            message = f"is {name!r}; use at most 63 lower case letters, digits and '-'"
            yield Finding(where, message)
        elif name in seen:
            yield Finding(where, f"{name!r} is the name of another container too")
        seen.add(name)


def check_resources(each: Iterable[Container]) -> Iterator[Finding]:
    """Yield a finding for each request above its limit."""
    for container in each:
        resources = container.fields.get("resources") or {}
        limits = resources.get("limits") or {}
        for name, request in (resources.get("requests") or {}).items():
            limit = limits.get(name)
            if limit is not None and exceeds(request, limit):
                path: Path = (*container.path, "resources", "requests", name)
                yield Finding(path, f"{request} is more than the limit, {limit}")


def _predictor(path: Path, predictor: PredictorSpec) -> Iterator[Finding]:
    named = [container.name for container in pod_containers(path, predictor.pod)]
    custom = MAIN_CONTAINER in named
    keys = ["model"] if predictor.model else []
    keys += [key for key in legacy_keys(predictor) if not is_empty_twin(predictor, key)]
    if len(keys) + custom > 1:
        written = keys + (["containers"] if custom else [])
        second = written[1]
        message = f"{' and '.join(written)} are two implementations; keep one"
        yield Finding((*path, second), message)
    elif not keys and not custom and predictor.pod.get("containers"):
        message = f"none is named {MAIN_CONTAINER}; give the one that serves that name"
        yield Finding((*path, "containers"), message)
    elif not keys and not custom:
        message = (
            "has no implementation; give it 'model' (with modelFormat and storageUri) "
            "or 'containers'"
        )
        yield Finding(path, message)


def _explainer(path: Path, explainer: ExplainerSpec) -> Iterator[Finding]:
    custom = bool(explainer.pod.get("containers"))
    if explainer.art and custom:
        message = "art and containers are two implementations; keep one"
        yield Finding((*path, "containers"), message)
    elif not explainer.art and not custom:
        yield Finding(path, "has no implementation; give it 'art' or 'containers'")


def _model_containers(service: InferenceService) -> Iterator[Container]:
    for path, component in components(service):
        for model_path, model in models(path, component):
            yield Container(model_path, model.container)


def _images(path: Path, component: ComponentSpec) -> Iterator[Finding]:
    for container in pod_containers(path, component.pod):
        if not container.fields.get("image"):
            message = "is required: no runtime supplies an image here"
            yield Finding((*container.path, "image"), message)


def _volumes(path: Path, component: ComponentSpec) -> Iterator[Finding]:
    volumes = component.pod.get("volumes") or []
    declared = {str(volume["name"]) for volume in volumes if volume.get("name")}
    for container in pod_containers(path, component.pod):
        for index, mount in enumerate(container.fields.get("volumeMounts") or []):
            name = str(mount.get("name", ""))
            # KServe's own volumes appear in the pod only when it is made.
            if name in declared or name.startswith("kserve-"):
                continue
            where: Path = (*container.path, "volumeMounts", index, "name")
            yield Finding(
                where, f"no volume is named {name!r}", closest(name, declared)
            )
