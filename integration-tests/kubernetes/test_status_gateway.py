"""What a Gateway says of a route reaches the status; Ready waits for it.

The Gateway's controller is played here, so that it says what a real one says rarely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bed.api import conditions, until
from controlled import Room, service

if TYPE_CHECKING:
    from collections.abc import Callable

    from bed.cluster import Cluster

GATEWAY = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "front"},
    "spec": {
        "gatewayClassName": "played",
        "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
    },
}


@pytest.fixture
def room(
    full_cluster: Cluster, namespace: str, new_controller: Callable[..., Any]
) -> Room:
    """Return a namespace whose routes name a Gateway in it."""
    new_controller(
        full_cluster, watched=(namespace,), KUBERNETES__GATEWAY=f"{namespace}/front"
    )
    return Room(full_cluster.api, namespace)


def say(room: Room, *told: tuple[str, str, str, str]) -> None:
    """Write the status of every route, as the controller of its Gateway does."""
    for route in room.api.list("httproutes", room.namespace):
        generation = route["metadata"]["generation"]
        status = {
            "parents": [
                {
                    "parentRef": route["spec"]["parentRefs"][0],
                    "controllerName": "acme.com/played",
                    "conditions": [
                        {
                            "type": kind,
                            "status": status,
                            "reason": reason,
                            "message": message,
                            "observedGeneration": generation,
                            "lastTransitionTime": "2026-11-21T20:00:00Z",
                        }
                        for kind, status, reason, message in told
                    ],
                }
            ]
        }
        room.api.patch(
            "httproutes",
            route["metadata"]["name"],
            room.namespace,
            {"status": status},
            part="status",
        )


def said(room: Room, reason: str) -> Any:
    """Wait until IngressReady has *reason*; return the service."""

    def found() -> Any:
        condition = conditions(room.get()).get("IngressReady", {})
        return room.get() if condition.get("reason", "") == reason else None

    return until(found, f"IngressReady to say {reason}", 30)


def test_a_gateway_that_is_not_there_is_told_by_name(room: Room) -> None:
    room.apply(service())
    found = said(room, "GatewayNotFound")
    message = conditions(found)["Ready"]["message"]
    assert f"there is no Gateway '{room.namespace}/front'" in message
    assert conditions(found)["Ready"]["status"] == "False"


def test_ready_is_what_the_gateway_makes_of_the_route(room: Room) -> None:
    room.api.create(GATEWAY, room.namespace)
    room.apply(service())
    said(room, "RouteNotReady")
    resolved = ("ResolvedRefs", "True", "ResolvedRefs", "")
    say(
        room,
        ("Accepted", "False", "NotAllowedByListeners", "no listener allows it"),
        resolved,
    )
    found = said(room, "GatewayNotAccepted")
    assert "no listener allows it" in conditions(found)["IngressReady"]["message"]
    accepted = ("Accepted", "True", "Accepted", "")
    say(
        room,
        accepted,
        ("ResolvedRefs", "False", "BackendNotFound", "service iris not found"),
    )
    found = said(room, "RouteNotResolved")
    assert "service iris not found" in conditions(found)["Ready"]["message"]
    say(room, accepted, resolved)
    assert room.ready()["status"]["phase"] == "Ready"
