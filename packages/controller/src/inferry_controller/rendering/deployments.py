"""The Deployment of one component of one revision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.names import (
    APP_LABEL,
    SPEC_ANNOTATION,
    app_label,
    component_name,
)
from inferry_controller.rendering.containers import copied, is_ours
from inferry_controller.rendering.metadata import metadata
from inferry_controller.rendering.probes import load_timeout

if TYPE_CHECKING:
    from inferry.planning import ComponentPlan, ServingPlan
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.placement import Placement

_HISTORY = 10
_DEADLINE = 600


def deployment(
    component: ComponentPlan,
    placement: Placement,
    plan: ServingPlan,
    options: RenderOptions,
    pod: dict[str, Any],
    *,
    replicas: int | None,
) -> dict[str, Any]:
    """Return the Deployment around the template *pod*, which `pods.pod` makes.

    *replicas* is None where an autoscaler decides: then the object does not say. A
    placement that is kept for a rollback has none, whatever decides.
    """
    name = component_name(plan.name, component.component, placement.slot)
    made = metadata(name, plan, options, component, placement.revision)
    made["labels"][APP_LABEL] = app_label(name)
    if placement.spec:
        told = {SPEC_ANNOTATION: placement.spec}
        made["annotations"] = made.get("annotations", {}) | told
    if placement.kept:
        replicas = 0
    spec: dict[str, Any] = {
        **({} if replicas is None else {"replicas": replicas}),
        "selector": {"matchLabels": {APP_LABEL: app_label(name)}},
        "strategy": _strategy(component, options),
        "revisionHistoryLimit": _HISTORY,
        "progressDeadlineSeconds": _deadline(component),
        "template": pod,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": made,
        "spec": spec,
    }


def _deadline(component: ComponentPlan) -> int:
    """Return the seconds without progress after which Kubernetes gives up.

    A model that loads makes none, and may take as long as its server grants it.
    """
    allowed = load_timeout(component.container) if is_ours(component) else 0
    return max(_DEADLINE, allowed)


def _strategy(component: ComponentPlan, options: RenderOptions) -> dict[str, Any]:
    if component.strategy:
        strategy: dict[str, Any] = copied(component.strategy)
        return strategy
    return {
        "type": "RollingUpdate",
        "rollingUpdate": {
            "maxSurge": _amount(options.max_surge),
            "maxUnavailable": _amount(options.max_unavailable),
        },
    }


def _amount(text: str) -> int | str:
    """Return a number of pods, or a percentage as it is written."""
    return int(text) if text.isdecimal() else text
