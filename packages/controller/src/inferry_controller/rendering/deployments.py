"""The Deployment of a component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.names import (
    APP_LABEL,
    SPEC_ANNOTATION,
    app_label,
    component_name,
)
from inferry_controller.rendering.metadata import metadata

if TYPE_CHECKING:
    from inferry.planning import ComponentPlan, ServingPlan
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.placement import Placement


def deployment(
    component: ComponentPlan,
    placement: Placement,
    plan: ServingPlan,
    options: RenderOptions,
    pod: dict[str, Any],
    *,
    replicas: int | None,
) -> dict[str, Any]:
    """Return the Deployment of *pod*; *replicas* is None where a scaler owns them."""
    name = component_name(plan.name, component.component, placement.slot)
    made = metadata(name, plan, options, component, placement.revision)
    made["labels"][APP_LABEL] = app_label(name)
    if placement.spec:
        made["annotations"] = made.get("annotations", {}) | {
            SPEC_ANNOTATION: placement.spec
        }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": made,
        "spec": ({} if replicas is None else {"replicas": replicas})
        | {
            "selector": {"matchLabels": {APP_LABEL: app_label(name)}},
            "strategy": component.strategy
            or {
                "type": "RollingUpdate",
                "rollingUpdate": {
                    "maxSurge": _amount(options.max_surge),
                    "maxUnavailable": _amount(options.max_unavailable),
                },
            },
            "template": pod,
        },
    }


def _amount(text: str) -> int | str:
    """Return a number of pods as Kubernetes takes it: a percentage is text."""
    return int(text) if text.isdigit() else text
