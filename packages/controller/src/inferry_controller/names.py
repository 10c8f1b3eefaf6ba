"""What the objects of a service are called, and the labels that tie them together.

Names, labels and annotations are those of KServe's Standard mode, so that dashboards
and scripts keep working. What KServe has no word for stands below ``inferry.dev/``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inferry.planning import Component

SERVICE_LABEL = "serving.kserve.io/inferenceservice"
COMPONENT_LABEL = "component"
APP_LABEL = "app"
#: The revision that a Deployment and its pods serve: `RevisionPlan.name`.
REVISION_LABEL = "inferry.dev/revision"
#: Who made an object; the watches of children select by it.
MANAGED_LABEL = "app.kubernetes.io/managed-by"
MANAGER = "inferry-controller"
#: The field manager of what the controller applies, and of the status it writes.
FIELD_MANAGER = "inferry-controller"
STATUS_MANAGER = "inferry-controller-status"
#: On a Deployment: the ``spec`` that it was rendered from, as JSON; see `history`.
SPEC_ANNOTATION = "inferry.dev/revision-spec"

LONGEST = 63
_HASH = 8


def component_name(service: str, component: Component, slot: str = "") -> str:
    """Return the name of the Deployment and Service of one component.

    *slot* tells revisions that run side by side apart: empty for the one with KServe's
    own name, a canary's ``predictor.name`` before the component, as KServe has it, or
    ``@`` and a revision behind it (``@1969714541``).
    """
    if slot.startswith("@"):
        return shortened(f"{service}-{component}-{slot[1:]}")
    if slot and component == "predictor":
        return shortened(f"{service}-{slot}-predictor")
    return shortened(f"{service}-{component}")


def app_label(name: str) -> str:
    """Return the value of the label ``app`` that selects the pods of Deployment *name*.

    KServe writes ``isvc.`` before it; a label has 63 characters, too.
    """
    return shortened(f"isvc.{name}")


def shortened(name: str, longest: int = LONGEST) -> str:
    """Return *name*, or its beginning and a hash of all of it where it is too long."""
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH]
    return f"{name[: longest - _HASH - 1].rstrip('-.')}-{digest}"
