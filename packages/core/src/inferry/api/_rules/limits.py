"""Lists and texts no longer than an API server takes, and entries told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.api._limits import ITEMS, TEXTS
from inferry.api._problems import Finding
from inferry.api._rules._parts import components, models, pod_containers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inferry.api._problems import Path
    from inferry.api._types import (
        ClusterServingRuntime,
        InferenceService,
        ServingRuntime,
    )

# Which field tells the entries of a list apart.
_KEYS = {"env": "name", "volumeMounts": "mountPath", "volumes": "name"}


def service_lists(service: InferenceService) -> Iterator[Finding]:
    """No list is too long, and no entry of a keyed one stands twice."""
    canary = service.spec.canary
    if isinstance(canary, list):
        yield from too_many(("spec",), "canary", canary)
    for path, component in components(service):
        yield from pod_lists(path, component.pod)
        yield from too_many(path, "storageUris", component.storage_uris)
        for index, entry in enumerate(component.storage_uris):
            yield from too_long((*path, "storageUris", index), "uri", entry.uri)
        scaling = component.auto_scaling
        if scaling:
            yield from too_many((*path, "autoScaling"), "metrics", scaling.metrics)
        for where, model in models(path, component):
            yield from container_lists(where, model.container)
            yield from too_long(where, "storageUri", model.storage_uri or "")
            storage = model.storage
            if storage:
                inner = (*where, "storage")
                yield from too_many(inner, "parameters", storage.parameters)
        worker = getattr(component, "worker_spec", None)
        if worker:
            yield from pod_lists((*path, "workerSpec"), worker.pod)


def runtime_lists(runtime: ServingRuntime | ClusterServingRuntime) -> Iterator[Finding]:
    """No list is too long, and no entry of a keyed one stands twice."""
    spec = runtime.spec
    yield from too_many(
        ("spec",), "supportedModelFormats", spec.supported_model_formats
    )
    yield from pod_lists(("spec",), spec.pod)
    if spec.worker_spec:
        yield from pod_lists(("spec", "workerSpec"), spec.worker_spec.pod)


def pod_lists(path: Path, pod: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what the lists of a pod spec and its containers may not be."""
    for name in ("containers", "initContainers", "volumes"):
        yield from too_many(path, name, pod.get(name) or ())
    yield from _twice(path, "volumes", pod.get("volumes") or ())
    for container in pod_containers(path, dict(pod)):
        yield from container_lists(container.path, container.fields)


def container_lists(path: Path, fields: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what the lists of a container may not be."""
    for name in ("env", "volumeMounts"):
        if entries := fields.get(name):
            yield from too_many(path, name, entries)
            yield from _twice(path, name, entries)


def too_many(path: Path, name: str, entries: Any) -> Iterator[Finding]:  # noqa: ANN401 - a list or a map
    """Yield a finding where the list or map called *name* is too long."""
    if len(entries) > ITEMS[name]:
        message = f"has {len(entries)} entries, more than {ITEMS[name]}"
        yield Finding((*path, name), message)


def too_long(path: Path, name: str, text: str) -> Iterator[Finding]:
    """Yield a finding where the text called *name* is too long."""
    if len(text) > TEXTS[name]:
        message = f"has {len(text)} characters, more than {TEXTS[name]}"
        yield Finding((*path, name), message)


def _twice(path: Path, name: str, entries: Any) -> Iterator[Finding]:  # noqa: ANN401 - a list
    key = _KEYS[name]
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        value = str(entry.get(key, ""))
        if value in seen:
            message = f"{value!r} stands twice in {name}; keep one"
            yield Finding((*path, name, index, key), message)
        seen.add(value)


RULES = (service_lists,)
