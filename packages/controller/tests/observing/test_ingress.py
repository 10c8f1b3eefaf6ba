"""Whether requests from outside reach a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cluster_objects import ACCEPTED, facts, route
from inferry_controller.observing import Facts, project
from inferry_controller.observing.ingress import ingress_state
from msgspec.structs import replace

if TYPE_CHECKING:
    from inferry.status import ObservedIngress

GATEWAY = "kserve/gateway"


def state(found: Facts, **more: Any) -> ObservedIngress:
    told = {"kind": "gateway", "gateway": GATEWAY, "routes": ("iris",), **more}
    return ingress_state(found, **told)


def refused(kind: str, reason: str, message: str) -> Facts:
    kept = [each for each in ACCEPTED if each[0] != kind]
    return facts(routes=[route((kind, "False", reason, message), *kept)])


CASES: dict[str, tuple[Facts, str, str]] = {
    "none yet": (facts(), "RouteNotReady", "the HTTPRoute 'iris' is being made"),
    "taken by nobody": (
        facts(routes=[route()]),
        "RouteNotReady",
        (
            "no controller has taken the HTTPRoute 'iris' for the Gateway "
            "'kserve/gateway' yet"
        ),
    ),
    "stale": (
        facts(routes=[route(*ACCEPTED, seen=3)]),
        "RouteNotReady",
        "the Gateway 'kserve/gateway' has not seen the newest HTTPRoute 'iris' yet",
    ),
    "not allowed": (
        refused("Accepted", "NotAllowedByListeners", "no listener allows it"),
        "GatewayNotAccepted",
        (
            "the Gateway 'kserve/gateway' refuses the HTTPRoute 'iris': no listener "
            "allows it"
        ),
    ),
    "no listener": (
        refused("Accepted", "NoMatchingParent", "no listener 'x'"),
        "GatewayNotAccepted",
        (
            "the Gateway 'kserve/gateway' has no listener for the HTTPRoute 'iris': no "
            "listener 'x'"
        ),
    ),
    "a reference that leads nowhere": (
        refused("ResolvedRefs", "BackendNotFound", "service iris not found"),
        "RouteNotResolved",
        (
            "the Gateway 'kserve/gateway' cannot follow the HTTPRoute 'iris': service "
            "iris not found"
        ),
    ),
    "no gateway": (
        replace(facts(routes=[route()]), gateway_known=True),
        "GatewayNotFound",
        "there is no Gateway 'kserve/gateway'",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_fault_of_a_route_has_its_reason(name: str) -> None:
    found, reason, message = CASES[name]
    told = state(found)
    assert (told.ready, told.reason, told.message) == (False, reason, message)


def test_a_gateway_that_is_not_programmed_says_why() -> None:
    gateway = project(
        "Gateway",
        {
            "metadata": {"name": "gateway"},
            "status": {
                "conditions": [
                    {"type": "Accepted", "status": "False", "message": "no class"}
                ]
            },
        },
    )
    found = replace(facts(routes=[route()]), gateway=gateway, gateway_known=True)
    told = state(found)
    assert told.reason == "GatewayNotAccepted"
    assert told.message == "the Gateway 'kserve/gateway' is not Accepted: no class"


def test_a_route_that_its_gateway_took_is_ready() -> None:
    assert state(facts(routes=[route(*ACCEPTED)])).ready


def test_of_several_routes_the_worst_counts() -> None:
    good = route(*ACCEPTED)
    bad = route(("Accepted", "False", "NotAllowed", ""), name="iris-predictor")
    told = state(facts(routes=[good, bad]), routes=("iris", "iris-predictor"))
    assert told.reason == "GatewayNotAccepted"


@pytest.mark.parametrize("more", [{"kind": "none"}, {"routes": ()}])
def test_a_service_without_a_route_is_reachable(more: dict[str, Any]) -> None:
    assert state(facts(), **more).ready


def test_an_ingress_is_ready_when_it_is_there() -> None:
    made = Facts(routes=(project("Ingress", {"metadata": {"name": "iris"}}),))
    assert state(made, kind="ingress").ready
    assert not state(facts(), kind="ingress").ready


def test_a_service_of_which_nothing_is_made_is_not_told_to_wait_for_a_gateway() -> None:
    found = state(facts(), routes=None)

    assert not found.ready
    assert found.message == "no HTTPRoute is made of it yet"
    assert found.remedy == "see the condition Ready, which says what it waits for"
