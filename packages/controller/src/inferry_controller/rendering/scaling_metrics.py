"""What an HPA goes by: cpu and memory, as shares of what is asked for or as amounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.rendering.rendered import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.planning import ScalingPlan
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.parts import Part

RESOURCES = ("cpu", "memory")
_DEFAULT_SHARE = 80  # per cent, as KServe's HPA
#: What an HPA waits by itself before it follows, in seconds.
_WINDOWS = {"scaleUp": 0, "scaleDown": 300}


def measurable(wanted: ScalingPlan) -> bool:
    """Say whether an HPA knows what *wanted* goes by; it takes cpu by default."""
    if wanted.triggers:
        return any(each.get("type") == "Resource" for each in wanted.triggers)
    return wanted.metric in RESOURCES or not wanted.metric


def resource_metrics(wanted: ScalingPlan) -> list[dict[str, Any]]:
    """Return the metrics of an HPA for *wanted*."""
    found = [
        _metric(str(each["resource"]["name"]), each["resource"].get("target") or {})
        for each in wanted.triggers
        if each.get("type") == "Resource" and each.get("resource")
    ]
    if found:
        return found
    if wanted.metric not in RESOURCES or wanted.target is None:
        name = wanted.metric if wanted.metric in RESOURCES else "cpu"
        return [_metric(name, {})]
    return [_metric(wanted.metric, _target(wanted))]


def behavior(wanted: ScalingPlan, options: RenderOptions) -> dict[str, Any]:
    """Return the ``behavior`` of an HPA: as written, and the platform's own windows."""
    made = {side: dict(rules) for side, rules in (wanted.behavior or {}).items()}
    windows = {
        "scaleUp": options.scale_up_seconds,
        "scaleDown": options.scale_down_seconds,
    }
    for side, seconds in windows.items():
        if seconds != _WINDOWS[side]:
            made.setdefault(side, {}).setdefault("stabilizationWindowSeconds", seconds)
    return made


def unmeasured(part: Part, metrics: Sequence[dict[str, Any]]) -> list[Problem]:
    """Return a problem for each share of a resource that no container asks for."""
    problems = []
    for metric in metrics:
        resource = metric["resource"]
        if resource["target"]["type"] != "Utilization":
            continue
        name = resource["name"]
        if lacking := _without(part, name):
            problems.append(
                Problem(
                    path=f"{part.path}.resources.requests.{name}",
                    why=f"the HPA's share is of the {name} that each container asks "
                    f"for, and {', '.join(lacking)} asks for none: it will not scale",
                    remedy=f"set resources.requests.{name}",
                )
            )
    return problems


def _metric(name: str, target: dict[str, Any]) -> dict[str, Any]:
    kind = target.get("type") or "Utilization"
    wanted: dict[str, Any] = {"type": kind}
    if kind == "AverageValue":
        wanted["averageValue"] = str(target.get("averageValue", ""))
    else:
        share = target.get("averageUtilization") or _DEFAULT_SHARE
        wanted["averageUtilization"] = share
    return {"type": "Resource", "resource": {"name": name, "target": wanted}}


def _target(wanted: ScalingPlan) -> dict[str, Any]:
    """Return what ``scaleTarget`` means: per cent, or cores and MiB as an amount."""
    aim = int(wanted.target or 0)
    if wanted.metric_type == "AverageValue":
        amount = f"{aim}Mi" if wanted.metric == "memory" else str(aim)
        return {"type": "AverageValue", "averageValue": amount}
    return {"type": "Utilization", "averageUtilization": aim}


def _without(part: Part, resource: str) -> list[str]:
    lacking = []
    for container in part.template["spec"]["containers"]:
        given = container.get("resources") or {}
        asked = {**(given.get("limits") or {}), **(given.get("requests") or {})}
        if resource not in asked:
            lacking.append(str(container["name"]))
    return lacking
