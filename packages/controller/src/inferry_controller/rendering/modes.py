"""Which of KServe's deployment modes a service gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.errors import PlanningError
from inferry.status import Reason
from inferry_controller.options import MODES

if TYPE_CHECKING:
    from inferry.planning import ServingPlan
    from inferry_controller.options import Mode, RenderOptions

ANNOTATION = "serving.kserve.io/deploymentMode"


def mode(plan: ServingPlan, options: RenderOptions) -> Mode:
    """Return the mode that the annotation names, or that of the settings.

    Raises:
        PlanningError: The annotation names a mode that there is not.

    """
    named = plan.annotations.get(ANNOTATION)
    if not named:
        return options.mode
    found = MODES.get(named)
    if found == "Standard":
        return "Standard"
    if found == "Knative":
        return "Knative"
    msg = f"there is no deployment mode {named}"
    raise PlanningError(
        msg,
        reason=Reason.NotSupportedByBackend,
        remedy=f"set the annotation {ANNOTATION} to Standard or Knative",
    )
