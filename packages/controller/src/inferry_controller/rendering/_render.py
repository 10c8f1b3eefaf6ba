"""`render`: a plan and its placements to objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from inferry_controller.rendering.knative import knative
from inferry_controller.rendering.metadata import withheld
from inferry_controller.rendering.modes import mode
from inferry_controller.rendering.parts import scene
from inferry_controller.rendering.placement import fresh
from inferry_controller.rendering.rendered import Rendered
from inferry_controller.rendering.standard import standard
from inferry_controller.rendering.surroundings import NOTHING_KNOWN, Surroundings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.planning import ServingPlan
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.placement import Placement


def render(
    plan: ServingPlan,
    options: RenderOptions,
    placements: Sequence[Placement] | None = None,
    around: Surroundings = NOTHING_KNOWN,
) -> Rendered:
    """Return the objects of *plan*; pure: equal arguments give an equal answer.

    Without *placements* those of a service that is not there yet. A service that is
    stopped has no objects.

    Raises:
        PlanningError: The cluster, as it is configured, cannot serve it.

    """
    objects_of = knative if mode(plan, options) == "Knative" else standard
    if plan.stopped:
        return Rendered()
    placed = fresh(plan) if placements is None else tuple(placements)
    made = objects_of(scene(plan, options, placed, around))
    if told := tuple(withheld(plan)):
        made = msgspec.structs.replace(made, problems=(*told, *made.problems))
    return made
