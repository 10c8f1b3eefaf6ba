"""ScaledObjects of KEDA, with the triggers that KServe makes of ``autoScaling``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.rendering.rendered import Problem
from inferry_controller.rendering.scaling_metrics import behavior, resource_metrics

if TYPE_CHECKING:
    from inferry_controller.rendering.parts import Part, Scene
    from inferry_controller.rendering.rendered import KubernetesObject

CLASS_ANNOTATION = "serving.kserve.io/autoscalerClass"
# Graphite wants to know how far to look back, and KServe has no word for it.
_GRAPHITE_SPAN = "-5Minutes"

Trigger = dict[str, Any]


def is_by_keda(part: Part) -> bool:
    """Say whether KEDA scales *part*: by its name, or for a metric only it knows."""
    named = part.component.annotations.get(CLASS_ANNOTATION)
    if named is not None:
        return named == "keda"
    triggers = part.component.scaling.triggers
    return any(each.get("type") != "Resource" for each in triggers)


def scaled_object(
    scene: Scene, part: Part, low: int, most: int
) -> tuple[KubernetesObject, tuple[Problem, ...]]:
    """Return the ScaledObject of *part* between *low* and *most* replicas."""
    triggers, problems = _triggers(scene, part)
    if low == 0 and all(each["type"] in {"cpu", "memory"} for each in triggers):
        low = 1
        problems.append(
            Problem(
                path=f"{part.path}.minReplicas",
                why="cpu and memory say nothing of a service without replicas, so KEDA "
                "keeps one",
                remedy="add a metric of a query to autoScaling.metrics",
            )
        )
    spec: dict[str, Any] = {
        "scaleTargetRef": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": part.name,
        },
        "minReplicaCount": low,
        "maxReplicaCount": most,
        "triggers": triggers,
    }
    if given := behavior(part.component.scaling, scene.options):
        config = {"behavior": given}
        spec["advanced"] = {"horizontalPodAutoscalerConfig": config}
    made = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": scene.metadata(part.name, part),
        "spec": spec,
    }
    return made, tuple(problems)


def _triggers(scene: Scene, part: Part) -> tuple[list[Trigger], list[Problem]]:
    wanted = part.component.scaling
    made: list[Trigger] = []
    problems: list[Problem] = []
    queries = [each for each in wanted.triggers if each.get("type") != "Resource"]
    if len(queries) < len(wanted.triggers) or not queries:
        made += [_of_resource(each["resource"]) for each in resource_metrics(wanted)]
    for index, each in enumerate(wanted.triggers):
        if each.get("type") == "External":
            made.append(_of_query(each.get("external") or {}))
        elif each.get("type") == "PodMetric":
            made.append(_of_pods(each.get("podmetric") or {}, scene, part))
            problems.append(_not_collected(f"{part.path}.autoScaling.metrics[{index}]"))
    return made, problems


def _of_resource(resource: dict[str, Any]) -> Trigger:
    target = resource["target"]
    value = target.get("averageUtilization", target.get("averageValue"))
    return {
        "type": resource["name"],
        "metricType": target["type"],
        "metadata": {"value": str(value)},
    }


def _of_query(external: dict[str, Any]) -> Trigger:
    metric = external.get("metric") or {}
    kind = str(metric.get("backend") or "prometheus")
    metadata = {
        "serverAddress": str(metric.get("serverAddress", "")),
        "query": str(metric.get("query", "")),
        "threshold": _aim(external),
    }
    if metric.get("namespace"):
        metadata["namespace"] = str(metric["namespace"])
    if kind == "graphite":
        metadata["queryTime"] = _GRAPHITE_SPAN
    trigger: Trigger = {"type": kind, "metricType": _kind(external)}
    # KServe's field has its own name for the field inside it.
    written = external.get("authenticationRef") or {}
    if modes := written.get("authModes"):
        metadata["authModes"] = str(modes)
    name = (written.get("authenticationRef") or {}).get("name") or written.get("name")
    if name:
        trigger["authenticationRef"] = {"name": str(name)}
    return {**trigger, "metadata": metadata}


def _of_pods(podmetric: dict[str, Any], scene: Scene, part: Part) -> Trigger:
    metric = podmetric.get("metric") or {}
    name = metric.get("query") or next(iter(metric.get("metricNames") or ()), "")
    place = f'namespace="{scene.plan.namespace}", deployment="{part.name}"'
    metadata = {
        "scalerAddress": str(metric.get("serverAddress", "")),
        "metricQuery": f"sum({name}{{{place}}})",
        "targetValue": _aim(podmetric),
    }
    if metric.get("operationOverTime"):
        metadata["operationOverTime"] = str(metric["operationOverTime"])
    return {"type": "external", "metricType": _kind(podmetric), "metadata": metadata}


def _aim(written: dict[str, Any]) -> str:
    target = written.get("target") or {}
    return str(target.get("value") or target.get("averageValue") or "")


def _kind(written: dict[str, Any]) -> str:
    """Return ``Value`` or ``AverageValue``, which a query can aim at."""
    kind = (written.get("target") or {}).get("type")
    return "Value" if kind == "Value" else "AverageValue"


def _not_collected(path: str) -> Problem:
    return Problem(
        path=path,
        why="KEDA is told the query, but no OpenTelemetryCollector is made that brings "
        "the metrics of the pods to its scaler",
        remedy="run a collector, or ask Prometheus with a metric of type External",
    )
