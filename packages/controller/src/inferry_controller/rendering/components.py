"""What KServe tells a transformer or an explainer: arguments that are not there yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_controller.names import component_name
from inferry_controller.rendering.containers import HTTP_PORT

if TYPE_CHECKING:
    from inferry.planning import ComponentPlan, RevisionPlan, ServingPlan


def front_flags(
    component: ComponentPlan,
    revision: RevisionPlan,
    plan: ServingPlan,
    *,
    slot: str,
    ours: bool,
) -> dict[str, str]:
    """Return the flags of a component in front of the predictor of the same *slot*.

    The protocol is named only where the predictor does not speak the one that KServe's
    servers take for granted: a program of somebody else may not know the flag.
    """
    host = component_name(plan.name, "predictor", slot)
    flags = {
        "model_name": plan.name,
        "predictor_host": f"{host}.{plan.namespace}",
        "http_port": str(HTTP_PORT),
    }
    if component.concurrency and not ours:
        flags["workers"] = str(component.concurrency)
    predictor = revision.component("predictor")
    spoken = predictor.protocols if predictor is not None else ()
    if predictor is not None and spoken and "v1" not in spoken:
        flags["predictor_protocol"] = predictor.protocol
    return flags
