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
    headless: bool = False,
) -> dict[str, str]:
    """Return the flags of a component in front of the predictor of the same *slot*.

    The protocol is named only where the predictor does not speak the one that KServe's
    servers take for granted: a program of somebody else may not know the flag. A
    *headless* Service translates no ports, so the port is that of the pods.
    """
    predictor = revision.component("predictor")
    host = component_name(plan.name, "predictor", slot)
    port = f":{_port(predictor)}" if headless else ""
    flags = {
        "model_name": plan.name,
        "predictor_host": f"{host}.{plan.namespace}{port}",
        "http_port": str(HTTP_PORT),
    }
    if component.concurrency and not ours:
        flags["workers"] = str(component.concurrency)
    spoken = predictor.protocols if predictor is not None else ()
    if predictor is not None and spoken and "v1" not in spoken:
        flags["predictor_protocol"] = predictor.protocol
    return flags


def _port(predictor: ComponentPlan | None) -> int:
    """Return the port of the pods that the first port of their Service leads to."""
    ports = predictor.container.get("ports") if predictor is not None else None
    return int(ports[0]["containerPort"]) if ports else HTTP_PORT
