"""What Knative's autoscaler is told: annotations of a template."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inferry.planning import ComponentPlan

_PREFIX = "autoscaling.knative.dev/"
CLASS = f"{_PREFIX}class"
KPA, HPA = f"kpa.{_PREFIX[:-1]}", f"hpa.{_PREFIX[:-1]}"
_BY_HPA = ("cpu", "memory")


def scaling_annotations(component: ComponentPlan) -> dict[str, str]:
    """Return the annotations of scaling for a template of *component*."""
    wanted = component.scaling
    metric = _metric(component)
    named = component.annotations.get(CLASS)
    found = {
        CLASS: named or (HPA if metric in _BY_HPA else KPA),
        f"{_PREFIX}min-scale": str(wanted.minimum),
    }
    if wanted.written_maximum:
        found[f"{_PREFIX}max-scale"] = str(wanted.written_maximum)
    if metric:
        found[f"{_PREFIX}metric"] = metric
    if wanted.target is not None and (metric or wanted.metric == "concurrency"):
        found[f"{_PREFIX}target"] = f"{wanted.target:g}"
    return found


def _metric(component: ComponentPlan) -> str:
    """Return the metric that was asked for by its name; Knative has its own default."""
    wanted = component.scaling
    if not wanted.asked or wanted.triggers:
        return ""
    return wanted.metric
