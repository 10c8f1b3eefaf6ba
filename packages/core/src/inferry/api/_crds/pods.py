"""Structural schemas of pod and container fields, from the table of Kubernetes' types.

A pod written out in full takes 45 KB, and an InferenceService holds it six times over.
So the fields of a pod and of a container are all named, for a misspelt one is to be
refused, and typed down to what rules look at and what two writers of one object would
merge; below, an object keeps whatever it holds and the loader checks it.
"""

from __future__ import annotations

from typing import Any

from inferry.api import _kubernetes
from inferry.api._crds.cel import ENV_RULES
from inferry.api._limits import ITEMS, LONGEST_CONTAINER_NAME

Schema = dict[str, Any]

ANY: Schema = {"x-kubernetes-preserve-unknown-fields": True}
OPAQUE: Schema = {"type": "object", **ANY}

_SCALARS: dict[str, Schema] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "int|str": {"x-kubernetes-int-or-string": True},
    # A quantity may be a number with a fraction, which int-or-string is not.
    "quantity": ANY,
    "any": ANY,
}
# The types that are written out; every other one is an object left open.
_WRITTEN_OUT = frozenset(
    {
        "Container",
        "ContainerPort",
        "DeploymentStrategy",
        "EnvVar",
        "ExternalMetric",
        "ExternalSource",
        "HPAScalingPolicy",
        "HPAScalingRules",
        "HorizontalPodAutoscalerBehavior",
        "LocalObjectReference",
        "MetricAuthentication",
        "MetricAuthenticationRef",
        "MetricSpec",
        "MetricTarget",
        "PodMetric",
        "PodMetricSource",
        "PodSpec",
        "ResourceMetric",
        "ResourceRequirements",
        "RollingUpdateDeployment",
        "VolumeMount",
    }
)
# Lists that two writers of one object share, by the field that tells entries apart.
KEYED = {
    "containers": "name",
    "env": "name",
    "initContainers": "name",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
_KEYED_TYPES = {"Container": "name", "Volume": "name"}


def nullable(found: Schema) -> Schema:
    """Return the schema of an optional field, whose null is as good as its absence.

    Templates write ``env: null``; rules see such a field as absent. The API server
    takes no null for a field of a few words, nor fills in a default for it.
    """
    if "default" in found or "enum" in found or "type" not in found:
        return found
    return {**found, "nullable": True}


def fields(type_name: str) -> dict[str, Schema]:
    """Return the schema of each field of the Kubernetes type *type_name*."""
    return {
        name: _field(name, type_text)
        if type_text.endswith("!")
        else nullable(_field(name, type_text))
        for name, type_text in _kubernetes.fields(type_name).items()
    }


def schema(type_text: str) -> Schema:
    """Return the schema of a type as the table writes it, such as ``[Container]``."""
    kind = type_text.rstrip("!")
    if kind in _SCALARS:
        return dict(_SCALARS[kind])
    if kind.startswith("["):
        return {"type": "array", "items": schema(kind[1:-1])}
    if kind.startswith("{"):
        return {"type": "object", "additionalProperties": schema(kind[1:-1])}
    if kind == "Volume":
        return {**OPAQUE, "properties": {"name": {"type": "string"}}}
    return _object(kind) if kind in _WRITTEN_OUT else dict(OPAQUE)


def _object(type_name: str) -> Schema:
    known = _kubernetes.fields(type_name)
    required = sorted(name for name, text in known.items() if text.endswith("!"))
    written: Schema = {"type": "object", "properties": fields(type_name)}
    return written | ({"required": required} if required else {})


def _field(name: str, type_text: str) -> Schema:
    found = schema(type_text)
    if name in KEYED and found["type"] == "array":
        key = KEYED[name]
        items = found["items"]
        items["required"] = sorted({*items.get("required", ()), key})
        found["x-kubernetes-list-type"] = "map"
        found["x-kubernetes-list-map-keys"] = [key]
    if name == "env":
        found["x-kubernetes-validations"] = [rule.as_dict() for rule in ENV_RULES]
    if name in ITEMS:
        found["maxItems"] = ITEMS[name]
    if name in ("containers", "initContainers"):
        # KServe gives a container without a name, or with a wrong one, this one.
        own: Schema = {"type": "string", "maxLength": LONGEST_CONTAINER_NAME}
        if name == "containers":
            own["default"] = "kserve-container"
        found["items"]["properties"]["name"] = own
    return found
