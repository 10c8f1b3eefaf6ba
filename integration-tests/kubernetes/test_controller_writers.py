"""Others write, too: autoscalers, people, and a controller that was killed half-way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bed.api import until
from bed.faults import Fault
from controlled import Room, predictor, service

if TYPE_CHECKING:
    from collections.abc import Callable

    from bed.cluster import Cluster
    from bed.controller import Controller
    from bed.faults import FaultProxy


@pytest.fixture
def room(full_cluster: Cluster, namespace: str) -> Room:
    """Return the namespace of the test."""
    return Room(full_cluster.api, namespace)


@pytest.fixture
def controller(
    room: Room,
    full_cluster: Cluster,
    new_controller: Callable[..., Controller],
    fault_proxy: FaultProxy,
) -> Controller:
    """Return a controller behind the proxy, which leads nothing in from outside."""
    return new_controller(
        full_cluster,
        watched=(room.namespace,),
        url=fault_proxy.url,
        KUBERNETES__INGRESS="none",
    )


def replicas(room: Room, name: str) -> int:
    """Return how many pods the Deployment of a service should have."""
    found = room.api.get("deployments", f"{name}-predictor", room.namespace)
    wanted: int = found["spec"]["replicas"]
    return wanted


def scaled(name: str, least: int, most: int, path: str = "iris") -> dict[str, Any]:
    """Return a service between two numbers of replicas."""
    bounds = {"minReplicas": least, "maxReplicas": most}
    return service(name, predictor=predictor(path, **bounds))


def test_the_replicas_never_fall_when_an_autoscaler_takes_them(
    room: Room, controller: Controller
) -> None:
    """It begins with its least, and with what runs where that is more."""
    assert controller.port
    room.apply(scaled("few", 3, 6))
    room.apply(scaled("many", 5, 5))
    room.ready("few")
    room.ready("many")
    assert replicas(room, "few") == 3

    room.apply(scaled("many", 2, 8))
    seen = set()

    def scaler() -> Any:
        seen.add(replicas(room, "many"))
        return room.api.find(
            "horizontalpodautoscalers", "many-predictor", room.namespace
        )

    until(scaler, "the autoscaler", pause=0.01)
    room.apply(scaled("many", 2, 8, "two"))
    until(
        lambda: seen.add(replicas(room, "many")) or "s3://models/two" in _text(room),
        "the edit",
        pause=0.01,
    )

    assert seen == {5}


def test_the_status_of_our_own_is_no_rivals_however_late_it_is_answered(
    room: Room, controller: Controller, fault_proxy: FaultProxy
) -> None:
    """Answers to status writes get lost, watches tell of them, edits do not wait."""
    fault_proxy.rule = lambda call: (
        Fault(cut=True, after=True)
        if call.is_write and call.path.endswith("/status") and call.number % 3
        else None
    )

    for number in range(4):
        room.apply(service("iris", f"p{number}"))
        room.ready("iris", 30)

    assert "another controller" not in controller.log


def test_the_way_back_is_not_lost_with_a_controller_that_is_killed(
    room: Room, controller: Controller, fault_proxy: FaultProxy
) -> None:
    """It had overwritten the Deployment, but not told so in a status."""
    room.apply(service())
    first = room.rolled()["status"]["inferry"]["history"]["rolled"]
    fault_proxy.rule = lambda call: (
        Fault(cut=True) if call.is_write and call.path.endswith("/status") else None
    )
    room.apply(service(path="two"))
    until(lambda: "s3://models/two" in _text(room, "iris"), "the edit")
    controller.kill()
    fault_proxy.rule = lambda _: None
    controller.start()
    until(lambda: _previous(room) == first, "the edit told of", 60)

    back = predictor("two")
    back["canaryTrafficPercent"] = 0
    room.apply(service(predictor=back))
    until(lambda: room.traffic() == {f"@{first}": 100}, "the way back", 60)
    room.apply(service(path="three"))
    room.rolled()

    kept = room.api.list("controllerrevisions", room.namespace)
    assert f"iris-{first}" not in {each["metadata"]["name"] for each in kept}
    assert list(room.deployments()) == ["iris-predictor"]


def _text(room: Room, name: str = "many") -> str:
    return str(room.deployments(name).get(f"{name}-predictor"))


def _previous(room: Room) -> str:
    record = room.get()["status"]["inferry"]
    previous: str = record["history"]["previous"] if record.get("plain") else ""
    return previous
