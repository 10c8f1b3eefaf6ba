"""A controller that is killed, and an API server that fails: nothing is lost."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from bed.api import is_true, until
from bed.faults import Fault
from controlled import SERVICES, Room, predictor, service

if TYPE_CHECKING:
    from collections.abc import Callable

    from bed.cluster import Cluster
    from bed.controller import Controller
    from bed.faults import Call, FaultProxy

INSIDE = {"KUBERNETES__INGRESS": "none"}
MANY = 12
SECONDS = 30
_OWN = ("inferenceservices", "deployments", "services", "controllerrevisions")


@pytest.fixture
def room(full_cluster: Cluster, namespace: str) -> Room:
    """Return the namespace of the test."""
    return Room(full_cluster.api, namespace)


def all_ready(room: Room, count: int, seconds: float = 120) -> None:
    """Wait until *count* services are Ready as they stand."""

    def ready() -> bool:
        found = room.api.list(SERVICES, room.namespace)
        done = [
            each
            for each in found
            if is_true(each, "Ready")
            and each["status"]["observedGeneration"] == each["metadata"]["generation"]
        ]
        return len(done) == count == len(found)

    until(ready, f"{count} services Ready", seconds)


def writes(calls: list[Call]) -> list[Call]:
    """Return the calls that change a service or what belongs to it."""
    return [call for call in calls if call.is_write and "/events" not in call.path]


def test_a_restart_with_nothing_changed_writes_nothing(
    room: Room,
    full_cluster: Cluster,
    new_controller: Callable[..., Controller],
    fault_proxy: FaultProxy,
) -> None:
    """Beyond the lists it makes no call at all."""
    first = new_controller(full_cluster, watched=(room.namespace,), **INSIDE)
    for number in range(MANY):
        room.apply(service(f"m{number}", f"m{number}"))
    all_ready(room, MANY)
    time.sleep(1)
    first.kill()
    versions = {
        each["metadata"]["name"]: each["metadata"]["resourceVersion"]
        for each in room.api.list(SERVICES, room.namespace)
    }

    second = new_controller(
        full_cluster, watched=(room.namespace,), url=fault_proxy.url, **INSIDE
    )
    time.sleep(4)

    assert not writes(fault_proxy.calls)
    assert versions == {
        each["metadata"]["name"]: each["metadata"]["resourceVersion"]
        for each in room.api.list(SERVICES, room.namespace)
    }
    assert second.metrics()


def test_an_edit_while_the_controller_was_away_is_seen(
    room: Room, full_cluster: Cluster, new_controller: Callable[..., Controller]
) -> None:
    """So is what somebody did to a child, and a child that is gone."""
    controller = new_controller(full_cluster, watched=(room.namespace,), **INSIDE)
    for name in ("edited", "touched", "robbed"):
        room.apply(service(name))
    all_ready(room, 3)
    controller.kill()

    room.apply(service("edited", "two"))
    change = {"spec": {"replicas": 3}}
    room.api.patch("deployments", "touched-predictor", room.namespace, change)
    room.api.delete("services", "robbed-predictor", room.namespace)
    controller.start()

    until(
        lambda: room.rolled("edited")["status"]["inferry"]["history"]["previous"],
        "the edit rolled out",
    )
    until(
        lambda: (
            room.deployments("touched")["touched-predictor"]["spec"]["replicas"] == 1
        ),
        "the replicas put back",
    )
    until(
        lambda: room.api.find("services", "robbed-predictor", room.namespace),
        "the Service back",
    )


def test_what_somebody_does_while_a_pass_is_under_way_is_seen(
    room: Room,
    full_cluster: Cluster,
    new_controller: Callable[..., Controller],
    fault_proxy: FaultProxy,
) -> None:
    """A Service that goes when the pass has looked at it, but is not at its end."""
    new_controller(
        full_cluster, watched=(room.namespace,), url=fault_proxy.url, **INSIDE
    )
    room.apply(service(predictor=predictor(maxReplicas=5)))
    room.rolled()
    held = threading.Event()

    def hold(call: Call) -> Fault | None:
        if not (call.is_write and "/horizontalpodautoscalers/" in call.path):
            return None
        held.set()
        return Fault(delay=1.5)

    fault_proxy.rule = hold
    room.apply(service(predictor=predictor(maxReplicas=6)))
    assert held.wait(30)
    room.api.delete("services", "iris-predictor", room.namespace)

    until(
        lambda: room.api.find("services", "iris-predictor", room.namespace),
        "the Service back",
    )


def test_a_controller_killed_again_and_again_loses_nothing(
    room: Room, full_cluster: Cluster, new_controller: Callable[..., Controller]
) -> None:
    """While services are made, edited and deleted."""
    controller = new_controller(full_cluster, watched=(room.namespace,), **INSIDE)
    dice = random.Random(7)
    alive: dict[str, dict[str, Any]] = {}
    end, killed = time.monotonic() + SECONDS, time.monotonic()
    while time.monotonic() < end:
        name = f"m{dice.randrange(MANY)}"
        if name in alive and dice.random() < 0.3:
            room.api.delete(SERVICES, name, room.namespace)
            del alive[name]
        else:
            alive[name] = service(name, f"m{dice.randrange(3)}")
            room.apply(alive[name])
        if time.monotonic() - killed > 5:
            controller.restart()
            killed = time.monotonic()
        time.sleep(dice.random() / 3)
    all_ready(room, len(alive))

    wanted = {f"{name}-predictor" for name in alive}
    until(
        lambda: (
            {
                each["metadata"]["name"]
                for each in room.api.list("deployments", room.namespace)
            }
            == wanted
        ),
        "just the Deployments that are wanted",
        60,
    )
    for name, document in alive.items():
        uri = document["spec"]["predictor"]["model"]["storageUri"]
        found = room.deployments(name)[f"{name}-predictor"]
        assert uri in str(found["spec"]["template"])


def test_an_api_server_that_fails_and_dawdles_is_outlasted(
    room: Room,
    full_cluster: Cluster,
    new_controller: Callable[..., Controller],
    fault_proxy: FaultProxy,
) -> None:
    """Answers of 500 and 503, lost answers to writes, closed watches, slow calls."""
    new_controller(
        full_cluster, watched=(room.namespace,), url=fault_proxy.url, **INSIDE
    )
    dice = random.Random(11)

    def trouble(call: Call) -> Fault | None:
        chance = dice.random()
        if call.is_watch or chance > 0.5:
            return None
        if chance < 0.1:
            return Fault(status=500)
        if chance < 0.2:
            return Fault(status=503, retry_after=1)
        if chance < 0.3 and call.is_write:
            return Fault(cut=True, after=True)
        return Fault(delay=0.2)

    fault_proxy.rule = trouble
    for number in range(MANY):
        room.apply(service(f"m{number}"))
        if number % 4 == 0:
            fault_proxy.close_watches()
    for number in range(MANY):
        room.apply(service(f"m{number}", predictor=predictor("two")))
    all_ready(room, MANY, 180)
    fault_proxy.rule = lambda _: None
    fault_proxy.close_watches()

    until(
        lambda: all(
            "s3://models/two" in str(each["spec"]["template"])
            for each in room.api.list("deployments", room.namespace)
        ),
        "every edit to arrive",
        60,
    )
    all_ready(room, MANY)


def test_an_api_server_that_restarts_is_followed(
    room: Room, full_cluster: Cluster, new_controller: Callable[..., Controller]
) -> None:
    """Versions that it has forgotten are listed anew."""
    new_controller(full_cluster, watched=(room.namespace,), **INSIDE)
    room.apply(service("before"))
    room.ready("before")

    full_cluster.restart("kube-apiserver")
    room.apply(service("after"))
    room.apply(service("before", "two"))

    all_ready(room, 2, 120)
