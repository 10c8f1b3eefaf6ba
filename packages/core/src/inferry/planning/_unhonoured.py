"""Which fields of a service a backend cannot honour, found by walking what is set."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec

from inferry.api._meta import Api
from inferry.api._types import (
    ComponentSpec,
    InferenceService,
    ModelSpec,
    PredictorSpec,
)
from inferry.planning.cluster_fields import on_cluster
from inferry.planning.fields import (
    ANNOTATION,
    ANNOTATIONS,
    CONTAINER_FIELDS,
    ENV_SETTING,
    ENV_VALUE_FROM,
    FIELDS,
    GPU,
    POD_FIELDS,
    Mode,
    Treatment,
)
from inferry.planning.plan import Unhonoured

_CLUSTER_PREFIXES = ("serving.kserve.io/", "autoscaling.knative.dev/")
_GPU_MARKS = ("nvidia.com/", "amd.com/gpu", "intel.com/gpu", "habana.ai/gaudi")
Found = Iterator[tuple[str, Treatment]]


class _Field(NamedTuple):
    """What the walk knows of one field of one type, found once."""

    name: str
    written: str
    default: Any
    is_collection: bool
    treatment: Treatment
    inside: str


def unhonoured(
    service: InferenceService, backend: str, mode: Mode = "Standard"
) -> tuple[Unhonoured, ...]:
    """Return every field set in *service* that has no effect on *backend*.

    *mode* is how a cluster deploys it; the local backend has one way only.
    """
    view = "local" if backend == "local" else mode
    return tuple(
        Unhonoured(path=path, why=treatment.why, fatal=treatment.action == "refused")
        for path, treatment in _walk(service, "", view)
        if treatment.action != "honoured"
    )


def runtime_pod_unhonoured(
    pod: Mapping[str, Any], where: str, backend: str, mode: Mode = "Standard"
) -> tuple[Unhonoured, ...]:
    """Return the pod fields of a runtime from YAML that have no effect on *backend*.

    Its containers are left out: whether a plugin can stand in for them is for the
    planner to say.
    """
    view = "local" if backend == "local" else mode
    rest = {key: value for key, value in pod.items() if key != "containers"}
    return tuple(
        Unhonoured(path=path, why=treatment.why, fatal=treatment.action == "refused")
        for path, treatment in _pod(rest, where, view)
        if treatment.action != "honoured"
    )


def schema_fields() -> Iterator[str]:
    """Yield ``Type.field`` for every field that a document can set."""
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
            if each.name not in {"pod", "container"} or key in FIELDS:
                yield key
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


@cache
def _fields(kind: type[Api], view: str) -> tuple[_Field, ...]:
    """Return the fields of *kind*; a plan may not pay for reading annotations."""
    hints = get_type_hints(kind)
    found = []
    for each in msgspec.structs.fields(kind):
        key = field_key(kind, each.name, each.encode_name)
        treatment = FIELDS[key] if view == "local" else on_cluster(key, view)
        is_collection = each.default_factory is not msgspec.NODEFAULT
        structs = any(_structs(hints[each.name]))
        inside = "structs" if structs else ""
        if each.name in {"annotations", "pod"}:
            inside = each.name
        elif each.name == "container" and issubclass(kind, ModelSpec):
            inside = "container"
        found.append(
            _Field(
                each.name,
                each.encode_name,
                each.default,
                is_collection,
                treatment,
                inside,
            )
        )
    return tuple(found)


def _walk(item: Api, path: str, view: str) -> Found:
    for name, written, default, is_collection, treatment, inside in _fields(
        type(item), view
    ):
        value = getattr(item, name)
        if not value if is_collection else value == default:
            continue
        here = f"{path}.{written}" if path else written
        if treatment.action != "honoured":
            if _applies(treatment, item, value):
                yield here, treatment
        elif inside:
            yield from _inside(value, here, view, inside, path)


def _inside(value: Any, here: str, view: str, inside: str, above: str) -> Found:  # noqa: ANN401 - any field
    if inside == "pod":
        yield from _pod(value, above, view)
    elif inside == "container":
        yield from _container(value, above, view)
    elif inside == "annotations":
        yield from _annotations(value, here, view)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _walk(each, f"{here}[{index}]", view)
    elif isinstance(value, PredictorSpec) and here == "spec.canary":
        # The map is written around its predictor.
        yield from _walk(value, "spec.canary.predictor", view)
    else:
        yield from _walk(value, here, view)


def _applies(treatment: Treatment, item: Api, value: Any) -> bool:  # noqa: ANN401 - any field
    if treatment.when == "zero":
        return bool(value == 0)
    if treatment.when == "true":
        return value is True
    if treatment.when == "above-minimum" and isinstance(item, ComponentSpec):
        minimum = 1 if item.min_replicas is None else item.min_replicas
        return bool(value > minimum)
    return True


def _pod(pod: Mapping[str, Any], path: str, view: str) -> Found:
    for key, value in pod.items():
        if value not in (None, [], {}):
            yield f"{path}.{key}", _open(POD_FIELDS, "pod", key, view)


def _open(table: Mapping[str, Treatment], group: str, key: str, view: str) -> Treatment:
    if view == "local":
        return table.get(key, table["*"])
    return on_cluster(f"{group}.{key}", view)


def _container(container: Mapping[str, Any], path: str, view: str) -> Found:
    for key, value in container.items():
        if value in (None, [], {}):
            continue
        yield f"{path}.{key}", _open(CONTAINER_FIELDS, "container", key, view)
        if view == "local" and key == "env" and isinstance(value, list):
            yield from _env(value, f"{path}.env")
        if view == "local" and key == "resources" and isinstance(value, dict):
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


def _annotations(annotations: Mapping[str, str], path: str, view: str) -> Found:
    for key in annotations:
        if not key.startswith(_CLUSTER_PREFIXES):
            continue
        if view == "local":
            yield f"{path}[{key}]", ANNOTATIONS.get(key, ANNOTATION)
        else:
            yield f"{path}[{key}]", on_cluster(key, view)
