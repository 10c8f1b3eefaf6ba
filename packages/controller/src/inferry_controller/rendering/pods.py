"""The pod of a component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.names import APP_LABEL, app_label
from inferry_controller.rendering.metadata import metadata

if TYPE_CHECKING:
    from inferry.planning import ComponentPlan, RevisionPlan, ServingPlan
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.surroundings import Surroundings


def pod_template(
    component: ComponentPlan,
    revision: RevisionPlan,
    plan: ServingPlan,
    options: RenderOptions,
    around: Surroundings,
    *,
    name: str,
    slot: str,
) -> dict[str, Any]:
    """Return the pod template of *component*, for a Deployment or Knative Service."""
    del around, slot
    made = metadata(name, plan, options, component, revision)
    labels = made["labels"] | {APP_LABEL: app_label(name)}
    pod = {key: value for key, value in component.pod.items() if key != "containers"}
    others = component.pod.get("containers") or []
    return {
        "metadata": {
            "labels": labels,
            "annotations": made.get("annotations", {}),
        },
        "spec": {**pod, "containers": [component.container, *others]},
    }
