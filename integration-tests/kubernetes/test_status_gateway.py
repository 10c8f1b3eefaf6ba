"""What a Gateway says of a route reaches the status; Ready waits for it.

The Gateway's controller is played here, so that it says what a real one says rarely.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from bed.api import conditions, until
from controlled import Room, service

if TYPE_CHECKING:
    from collections.abc import Callable

    from bed.api import Object
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


RESOLVED = ("ResolvedRefs", "True", "ResolvedRefs", "")
ACCEPTED = ("Accepted", "True", "Accepted", "")


@dataclass
class Played:
    """The controller of a Gateway: it answers every generation of every route."""

    room: Room
    told: tuple[tuple[str, str, str, str], ...] = ()

    def say(self, *told: tuple[str, str, str, str]) -> None:
        """Say this of every route from now on: type, status, reason and message."""
        self.told = told

    def answer(self) -> None:
        """Write the status of each route that has none as it should be."""
        for route in self.room.api.list("httproutes", self.room.namespace):
            status = {"parents": [self._parent(route)]} if self.told else {}
            if (route.get("status") or {}) != status:
                self.room.api.patch(
                    "httproutes",
                    route["metadata"]["name"],
                    self.room.namespace,
                    {"status": status},
                    part="status",
                )

    def _parent(self, route: Object) -> Object:
        return {
            "parentRef": route["spec"]["parentRefs"][0],
            "controllerName": "acme.com/played",
            "conditions": [
                {
                    "type": kind,
                    "status": status,
                    "reason": reason,
                    "message": message,
                    "observedGeneration": route["metadata"]["generation"],
                    "lastTransitionTime": "2026-11-21T20:00:00Z",
                }
                for kind, status, reason, message in self.told
            ],
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


@pytest.fixture
def played(room: Room) -> Played:
    """Return the controller of the Gateway; nothing is told of routes yet."""
    return Played(room)


def said(played: Played, reason: str) -> Any:
    """Wait until IngressReady has *reason*, empty for Ready; return the service."""
    room = played.room

    def found() -> Any:
        played.answer()
        service = room.get()
        condition = conditions(service).get("IngressReady", {})
        return service if condition.get("reason", "") == reason else None

    return until(found, f"IngressReady to say {reason}", 30)


def test_a_gateway_that_is_not_there_is_told_by_name(
    room: Room, played: Played
) -> None:
    room.apply(service())
    found = said(played, "GatewayNotFound")
    message = conditions(found)["Ready"]["message"]
    assert f"there is no Gateway '{room.namespace}/front'" in message
    assert conditions(found)["Ready"]["status"] == "False"


def test_ready_is_what_the_gateway_makes_of_the_route(
    room: Room, played: Played
) -> None:
    room.api.create(GATEWAY, room.namespace)
    room.apply(service())
    said(played, "RouteNotReady")
    refused = "no listener allows it"
    played.say(("Accepted", "False", "NotAllowedByListeners", refused), RESOLVED)
    found = said(played, "GatewayNotAccepted")
    assert refused in conditions(found)["IngressReady"]["message"]
    lost = "service iris not found"
    played.say(ACCEPTED, ("ResolvedRefs", "False", "BackendNotFound", lost))
    found = said(played, "RouteNotResolved")
    assert lost in conditions(found)["Ready"]["message"]
    played.say(ACCEPTED, RESOLVED)
    said(played, "")
    assert room.ready()["status"]["phase"] == "Ready"
