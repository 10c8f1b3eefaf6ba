"""`render`: a plan and its placements to objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_controller.rendering.placement import fresh
from inferry_controller.rendering.standard import Standard
from inferry_controller.rendering.surroundings import NOTHING_KNOWN, Surroundings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.planning import ServingPlan
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.placement import Placement
    from inferry_controller.rendering.rendered import Rendered


def render(
    plan: ServingPlan,
    options: RenderOptions,
    placements: Sequence[Placement] | None = None,
    around: Surroundings = NOTHING_KNOWN,
) -> Rendered:
    """Return the objects of *plan*; pure: equal arguments give an equal answer.

    Without *placements* those of a service that is not there yet.
    """
    placed = fresh(plan) if placements is None else tuple(placements)
    return Standard(plan, options, placed, around).rendered()
