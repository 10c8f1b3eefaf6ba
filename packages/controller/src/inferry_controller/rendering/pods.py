"""The pod of one component of one revision, in Standard and in Knative mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from inferry_controller.names import APP_LABEL, app_label
from inferry_controller.rendering.containers import SERVING, copied
from inferry_controller.rendering.metadata import metadata
from inferry_controller.rendering.rendered import (
    Problem,  # noqa: TC001 - msgspec reads it at run time
)

if TYPE_CHECKING:
    from inferry.planning import ComponentPlan, RevisionPlan, ServingPlan
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.surroundings import Surroundings


class Pod(msgspec.Struct, frozen=True, kw_only=True):
    """A pod template, and what of the service it cannot honour."""

    template: dict[str, Any]
    problems: tuple[Problem, ...] = ()


def pod(
    component: ComponentPlan,
    revision: RevisionPlan,
    plan: ServingPlan,
    options: RenderOptions,
    around: Surroundings,
    *,
    name: str,
    slot: str,
) -> Pod:
    """Return the pod that Deployment (or Knative Service) *name* makes.

    *slot* is the placement's: a transformer talks to the predictor of the same slot.
    """
    del around, slot
    spec = copied(component.pod)
    container = copied(component.container) | {"name": SERVING}
    spec["containers"] = [container, *spec.pop("containers", ())]
    made = metadata(name, plan, options, component, revision)
    labels = made["labels"] | {APP_LABEL: app_label(name)}
    return Pod(
        template={
            "metadata": {
                "labels": labels,
                "annotations": made.get("annotations", {}),
            },
            "spec": spec,
        }
    )


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
    """Return the template of `pod` alone."""
    return pod(
        component, revision, plan, options, around, name=name, slot=slot
    ).template
