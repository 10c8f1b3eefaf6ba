"""Which fields of a service a backend cannot honour, found by walking what is set."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_type_hints

import msgspec

from inferry.api._meta import Api
from inferry.api._types import (
    ComponentSpec,
    InferenceService,
    ModelSpec,
    PredictorSpec,
)
from inferry.planning.fields import (
    ANNOTATION,
    ANNOTATIONS,
    CONTAINER_FIELDS,
    ENV_SETTING,
    ENV_VALUE_FROM,
    FIELDS,
    GPU,
    POD_FIELDS,
    Treatment,
)
from inferry.planning.plan import Unhonoured

_CLUSTER_PREFIXES = ("serving.kserve.io/", "autoscaling.knative.dev/")
_GPU_MARKS = ("nvidia.com/", "amd.com/gpu", "intel.com/gpu", "habana.ai/gaudi")
Found = Iterator[tuple[str, Treatment]]


def unhonoured(service: InferenceService, backend: str) -> tuple[Unhonoured, ...]:
    """Return every field set in *service* that has no effect on *backend*."""
    return tuple(
        Unhonoured(path=path, why=treatment.why, fatal=action == "refused")
        for path, treatment in _walk(service, "", backend)
        if (action := treatment.action(backend)) != "honoured"
    )


def runtime_pod_unhonoured(
    pod: Mapping[str, Any], where: str, backend: str
) -> tuple[Unhonoured, ...]:
    """Return the pod fields of a runtime from YAML that have no effect on *backend*.

    Its containers are left out: whether a plugin can stand in for them is for the
    planner to say.
    """
    rest = {key: value for key, value in pod.items() if key != "containers"}
    return tuple(
        Unhonoured(path=path, why=treatment.why, fatal=action == "refused")
        for path, treatment in _pod(rest, where)
        if (action := treatment.action(backend)) != "honoured"
    )


def schema_fields() -> Iterator[str]:
    """Yield ``Type.field`` for every field that a document can set.

    What lies below a field that is not honoured is left out: nothing looks there.
    """
    seen: set[type[Api]] = set()
    waiting: list[type[Api]] = [InferenceService]
    while waiting:
        kind = waiting.pop()
        if kind in seen:
            continue
        seen.add(kind)
        hints = get_type_hints(kind)
        for each in msgspec.structs.fields(kind):
            key = field_key(kind, each.name, each.encode_name)
            yield key
            if key in FIELDS and FIELDS[key].local == "honoured":
                waiting += _structs(hints[each.name])


def field_key(kind: type[Any], name: str, encode_name: str) -> str:
    """Return ``Type.field``, by the ancestor of *kind* that declares the field."""
    owner = next(c for c in reversed(kind.__mro__) if name in _own_fields(c))
    return f"{owner.__name__}.{encode_name}"


def _own_fields(kind: type) -> Mapping[str, Any]:
    return inspect.get_annotations(kind)


def _structs(hint: Any) -> Iterator[type[Api]]:  # noqa: ANN401 - any annotation
    if isinstance(hint, type) and issubclass(hint, Api):
        yield hint
    for inner in get_args(hint):
        yield from _structs(inner)


def _walk(item: Api, path: str, backend: str) -> Found:
    for each in msgspec.structs.fields(item):
        value = getattr(item, each.name)
        if _is_default(value, each):
            continue
        here = f"{path}.{each.encode_name}".lstrip(".")
        treatment = FIELDS[field_key(type(item), each.name, each.encode_name)]
        if treatment.action(backend) != "honoured":
            if _applies(treatment, item, value):
                yield here, treatment
        elif each.name == "pod":
            yield from _pod(value, path)
        elif each.name == "container" and isinstance(item, ModelSpec):
            yield from _container(value, path)
        elif each.name == "annotations":
            yield from _annotations(value, here)
        else:
            yield from _inside(value, here, backend)


def _inside(value: Any, path: str, backend: str) -> Found:  # noqa: ANN401 - any field
    if isinstance(value, PredictorSpec) and path == "spec.canary":
        path = "spec.canary.predictor"  # the map is written around its predictor
    if isinstance(value, Api):
        yield from _walk(value, path, backend)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _inside(each, f"{path}[{index}]", backend)


def _is_default(value: Any, each: msgspec.structs.FieldInfo) -> bool:  # noqa: ANN401 - any field
    if each.default_factory is not msgspec.NODEFAULT:
        return bool(value == each.default_factory())
    return bool(value == each.default)


def _applies(treatment: Treatment, item: Api, value: Any) -> bool:  # noqa: ANN401 - any field
    if treatment.when == "zero":
        return bool(value == 0)
    if treatment.when == "true":
        return value is True
    if treatment.when == "above-minimum" and isinstance(item, ComponentSpec):
        minimum = 1 if item.min_replicas is None else item.min_replicas
        return bool(value > minimum)
    return True


def _pod(pod: Mapping[str, Any], path: str) -> Found:
    for key, value in pod.items():
        if value not in (None, [], {}):
            yield f"{path}.{key}", POD_FIELDS.get(key, POD_FIELDS["*"])


def _container(container: Mapping[str, Any], path: str) -> Found:
    for key, value in container.items():
        if value in (None, [], {}):
            continue
        yield f"{path}.{key}", CONTAINER_FIELDS.get(key, CONTAINER_FIELDS["*"])
        if key == "env" and isinstance(value, list):
            yield from _env(value, f"{path}.env")
        if key == "resources" and isinstance(value, dict):
            yield from _gpus(value, f"{path}.resources")


def _env(env: list[Any], path: str) -> Found:
    for each in env:
        if not isinstance(each, dict):
            continue
        name = str(each.get("name", ""))
        if each.get("valueFrom"):
            yield f"{path}[{name}].valueFrom", ENV_VALUE_FROM
        if name.startswith("INFERRY_"):
            yield f"{path}[{name}]", ENV_SETTING


def _gpus(resources: Mapping[str, Any], path: str) -> Found:
    limits = resources.get("limits") or {}
    for name in limits:
        if str(name).startswith(_GPU_MARKS):
            yield f"{path}.limits[{name}]", GPU


def _annotations(annotations: Mapping[str, str], path: str) -> Found:
    for key in annotations:
        if key.startswith(_CLUSTER_PREFIXES):
            yield f"{path}[{key}]", ANNOTATIONS.get(key, ANNOTATION)
