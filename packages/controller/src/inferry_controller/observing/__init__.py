"""From the objects of a cluster to what a service is told about itself; pure."""

from inferry_controller.observing.document import Addresses, Problem, status_document
from inferry_controller.observing.facts import Facts
from inferry_controller.observing.observation import (
    ComponentState,
    Observation,
    observe,
)
from inferry_controller.observing.projection import event, live, project

__all__ = [
    "Addresses",
    "ComponentState",
    "Facts",
    "Observation",
    "Problem",
    "event",
    "live",
    "observe",
    "project",
    "status_document",
]
