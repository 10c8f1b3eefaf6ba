"""From the objects of a cluster to what a service is told about itself; pure."""

from inferry_controller.observing.components import ComponentState
from inferry_controller.observing.document import Problem, status_document
from inferry_controller.observing.facts import KNATIVE, Facts, History
from inferry_controller.observing.observation import Observation, observe
from inferry_controller.observing.progress import fetched_share
from inferry_controller.observing.projection import event, live, project
from inferry_controller.observing.traffic import Addresses

__all__ = [
    "KNATIVE",
    "Addresses",
    "ComponentState",
    "Facts",
    "History",
    "Observation",
    "Problem",
    "event",
    "fetched_share",
    "live",
    "observe",
    "project",
    "status_document",
]
