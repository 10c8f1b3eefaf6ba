"""From a plan to the objects that a cluster gets; pure."""

from inferry_controller.rendering._render import render
from inferry_controller.rendering.documents import surroundings_of
from inferry_controller.rendering.placement import Placement, fresh
from inferry_controller.rendering.references import references
from inferry_controller.rendering.rendered import Problem, Rendered
from inferry_controller.rendering.surroundings import NOTHING_KNOWN, Surroundings

__all__ = [
    "NOTHING_KNOWN",
    "Placement",
    "Problem",
    "Rendered",
    "Surroundings",
    "fresh",
    "references",
    "render",
    "surroundings_of",
]
