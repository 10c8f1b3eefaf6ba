"""How many replicas a component has, and which policy decides."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from inferry.api._names import AUTOSCALER_METRIC, TARGET_UTILIZATION
from inferry.errors import PlanningError
from inferry.planning.plan import ScalingPlan
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.api._types import ComponentSpec
    from inferry.plugins import AutoscalingPolicy, Provided

CLASS_ANNOTATION = "serving.kserve.io/autoscalerClass"
_CLASSES = MappingProxyType(
    {
        "external": "external",
        "hpa": "utilisation",
        "keda": "keda",
        "kpa": "concurrency",
        "none": "none",
    }
)
_METRICS = MappingProxyType(
    {
        "concurrency": "concurrency",
        "cpu": "utilisation",
        "memory": "utilisation",
        "rps": "rps",
    }
)
_RESOURCES = frozenset({"cpu", "memory"})
_DEFAULT_CPU_TARGET = 80.0  # per cent, as KServe's HPA


def scaling_plan(
    component: ComponentSpec, annotations: Mapping[str, str]
) -> ScalingPlan:
    """Return the scaling of *component*; *annotations* are those of its pod."""
    minimum = 1 if component.min_replicas is None else component.min_replicas
    maximum = component.max_replicas or 0
    if maximum:
        maximum = max(maximum, minimum)
    policy, metric, target, why = _policy(component, annotations, minimum, maximum)
    if policy in {"none", "external"}:
        maximum = maximum or max(minimum, 1)
    written = component.auto_scaling
    return ScalingPlan(
        minimum=minimum,
        maximum=maximum,
        written_maximum=component.max_replicas or 0,
        policy=policy,
        metric=metric,
        target=target,
        metric_type=component.scale_metric_type or "",
        triggers=tuple(written.metrics) if written else (),
        behavior=written.behavior if written else None,
        asked=bool(
            written or component.scale_metric or annotations.get(CLASS_ANNOTATION)
        ),
        why=why,
    )


def with_policy(
    scaling: ScalingPlan, policies: Mapping[str, Provided[AutoscalingPolicy]]
) -> ScalingPlan:
    """Return *scaling* with what its policy asks for, where a plugin provides it.

    Raises:
        PlanningError: No replica is wanted of a policy that always keeps one.

    """
    provided = policies.get(scaling.policy)
    if provided is None:
        return scaling
    if scaling.minimum == 0 and not provided.descriptor.scale_to_zero:
        msg = (
            f"minReplicas is 0, and the autoscaling policy {scaling.policy!r} "
            f"({provided.distribution}) does not scale to zero"
        )
        raise PlanningError(
            msg,
            reason=Reason.InvalidSpec,
            remedy="set minReplicas to 1, or choose another policy",
        )
    metrics = tuple(sorted(provided.descriptor.metrics))
    return msgspec.structs.replace(scaling, metrics=metrics)


def _policy(
    component: ComponentSpec, annotations: Mapping[str, str], minimum: int, maximum: int
) -> tuple[str, str, float | None, str]:
    """Return (policy, metric, target, why)."""
    target = None if component.scale_target is None else float(component.scale_target)
    named = annotations.get(CLASS_ANNOTATION, "")
    metric: str = component.scale_metric or ""
    policy = _CLASSES.get(named, named)
    if policy == "utilisation":
        metric, target = _utilisation(metric, target, annotations)
    if metric == "cpu" and target is None:
        target = _DEFAULT_CPU_TARGET
    if named:
        return policy, metric, target, f"{CLASS_ANNOTATION} is {named}"
    if metric:
        return _METRICS[metric], metric, target, f"scaleMetric is {metric}"
    if component.auto_scaling is not None and component.auto_scaling.metrics:
        return _from_metrics(component)
    if minimum == 0:
        why = "minReplicas is 0 and nothing else is asked for"
        return "concurrency", "concurrency", target, why
    if maximum > minimum:
        why = (
            "maxReplicas is above minReplicas and no metric is named: KServe's default"
        )
        return "utilisation", "cpu", target or _DEFAULT_CPU_TARGET, why
    return "none", "", None, "the number of replicas is fixed"


def _utilisation(
    metric: str, target: float | None, annotations: Mapping[str, str]
) -> tuple[str, float | None]:
    """Return what an HPA goes by; fields win over KServe's older annotations."""
    if metric and metric not in _RESOURCES:
        # Its target is one of requests, not a share.
        metric, target = "cpu", None
    written = annotations.get(AUTOSCALER_METRIC, "")
    metric = metric or (written if written in _RESOURCES else "cpu")
    share = annotations.get(TARGET_UTILIZATION, "")
    if target is None and share.isdecimal():
        target = float(share)
    return metric, target


def _from_metrics(component: ComponentSpec) -> tuple[str, str, float | None, str]:
    metrics = component.auto_scaling.metrics if component.auto_scaling else []
    first = metrics[0]
    if first.get("type") != "Resource" or len(metrics) > 1:
        kinds = ", ".join(str(each.get("type", "")) for each in metrics)
        return "keda", "", None, f"autoScaling.metrics are {kinds}"
    resource = first.get("resource") or {}
    aim = (resource.get("target") or {}).get("averageUtilization")
    name = str(resource.get("name", "cpu"))
    target = float(aim) if isinstance(aim, int | float) else None
    if target is None and name == "cpu":
        target = _DEFAULT_CPU_TARGET
    return "utilisation", name, target, f"autoScaling.metrics name the resource {name}"
