"""`ingress_state`: whether requests from outside reach a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.status import ObservedIngress, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_controller.observing.facts import Facts, Observed, RouteFact

#: Reasons of Gateway API that mean that there is no such parent.
_NO_PARENT = frozenset({"NoMatchingParent"})
_READY = ObservedIngress()


def ingress_state(
    facts: Facts, *, kind: str, gateway: str, routes: Sequence[str] | None
) -> ObservedIngress:
    """Return whether requests from outside arrive.

    Args:
        facts: What is known of the service's objects.
        kind: What routes are: ``gateway``, ``ingress``, or ``none``.
        gateway: The Gateway that they name, as namespace/name.
        routes: Their names; None: any route that is there counts.

    """
    if kind == "none" or routes == ():
        return _READY
    word = "HTTPRoute" if kind == "gateway" else "Ingress"
    by_name = {route.name: route for route in facts.routes if route.kind == word}
    names = list(by_name) if routes is None else list(routes)
    missing = [name for name in names if name not in by_name]
    if missing:
        return _waiting(f"the {word} {missing[0]!r} is being made")
    if not names:
        return ObservedIngress(
            ready=False,
            reason=str(Reason.RouteNotReady),
            message=f"no {word} is made of it yet",
            remedy="see the condition Ready, which says what it waits for",
        )
    if kind == "ingress":
        # Many controllers of Ingresses never say that they have taken one.
        return _READY
    states = [_of_route(by_name[name], facts, gateway) for name in names]
    return min(states, key=_badness)


def _badness(state: ObservedIngress) -> int:
    if state.ready:
        return 2
    return 1 if state.reason == Reason.RouteNotReady else 0


def _of_route(route: RouteFact, facts: Facts, gateway: str) -> ObservedIngress:
    what = f"HTTPRoute {route.name!r}"
    missing = _gateway_missing(facts, gateway)
    if missing is not None:
        return missing
    if not route.parents:
        return _of_gateway(facts, gateway) or _waiting(
            f"no controller has taken the {what} for the Gateway {gateway!r} yet"
        )
    if route.accepted_generation < route.generation:
        return _waiting(f"the Gateway {gateway!r} has not seen the newest {what} yet")
    for condition in route.conditions:
        refused = _refused(condition, what, gateway)
        if refused is not None:
            return refused
    return _READY


def _gateway_missing(facts: Facts, gateway: str) -> ObservedIngress | None:
    if not facts.gateway_known or facts.gateway is not None:
        return None
    message = f"there is no Gateway {gateway!r}"
    return _no(Reason.GatewayNotFound, message)


def _of_gateway(facts: Facts, gateway: str) -> ObservedIngress | None:
    """Say what is wrong with the Gateway itself, if something is."""
    if facts.gateway is None:
        return None
    for condition in facts.gateway.conditions:
        wrong = condition.status == "False"
        if wrong and condition.type in {"Accepted", "Programmed"}:
            message = (
                f"the Gateway {gateway!r} is not {condition.type}: {_said(condition)}"
            )
            return _no(Reason.GatewayNotAccepted, message)
    return None


def _refused(condition: Observed, what: str, gateway: str) -> ObservedIngress | None:
    if condition.type == "ResolvedRefs" and condition.status == "False":
        message = f"the Gateway {gateway!r} cannot follow the {what}"
        return _no(Reason.RouteNotResolved, f"{message}: {_said(condition)}")
    if condition.type not in {"Accepted", "Programmed"} or condition.status == "True":
        return None
    if condition.status == "Unknown":
        return _waiting(f"the Gateway {gateway!r} is taking the {what}")
    if condition.reason in _NO_PARENT:
        message = f"the Gateway {gateway!r} has no listener for the {what}"
        return _no(Reason.GatewayNotAccepted, f"{message}: {_said(condition)}")
    message = f"the Gateway {gateway!r} refuses the {what}"
    return _no(Reason.GatewayNotAccepted, f"{message}: {_said(condition)}")


def _said(condition: Observed) -> str:
    return " ".join((condition.message or condition.reason).split())


def _waiting(message: str) -> ObservedIngress:
    return _no(Reason.RouteNotReady, message)


def _no(reason: Reason, message: str) -> ObservedIngress:
    return ObservedIngress(ready=False, reason=str(reason), message=message)
