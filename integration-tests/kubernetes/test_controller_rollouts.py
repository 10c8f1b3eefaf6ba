"""Canaries, promotions and ways back, on a cluster whose Gateway takes the routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bed.api import until
from controlled import Room, predictor, service

if TYPE_CHECKING:
    from bed.cluster import Cluster
    from bed.controller import Controller
    from bed.gateway import Gateway

NEVER_READY = {"bed.inferry.dev/fault": "never-ready"}
RUNTIME = {
    "apiVersion": "serving.kserve.io/v1alpha1",
    "kind": "ServingRuntime",
    "metadata": {"name": "older"},
    "spec": {
        "supportedModelFormats": [{"name": "sklearn", "version": "1"}],
        "protocolVersions": ["v1", "v2"],
        "containers": [{"name": "kserve-container", "image": "example.org/older:1"}],
    },
}


@pytest.fixture
def room(
    full_cluster: Cluster, namespace: str, gateway: Gateway, controller: Controller
) -> Room:
    """Return a namespace whose routes are accepted."""
    assert gateway
    assert controller.port
    return Room(full_cluster.api, namespace)


def canary(path: str, percent: int | None, **more: Any) -> dict[str, Any]:
    """Return the service with a newest predictor that gets *percent*."""
    found = predictor(path, **more)
    if percent is not None:
        found["canaryTrafficPercent"] = percent
    return service(predictor=found)


def settled(room: Room, shares: list[int]) -> dict[str, int]:
    """Wait until the slots have *shares*; return them."""

    def found() -> dict[str, int] | None:
        traffic = room.traffic()
        return traffic if sorted(traffic.values()) == sorted(shares) else None

    return until(found, f"shares of {shares}", 60)


def weights(room: Room) -> dict[str, int]:
    """Return what the route itself gives each Service."""
    route = room.api.get("httproutes", "iris", room.namespace)
    refs = [ref for rule in route["spec"]["rules"] for ref in rule["backendRefs"]]
    return {ref["name"]: ref.get("weight", 1) for ref in refs}


def replicas(room: Room) -> dict[str, int]:
    """Return how many pods each Deployment should have."""
    return {k: v["spec"]["replicas"] for k, v in room.deployments().items()}


def test_a_canary_is_promoted_without_a_restart_and_taken_back(room: Room) -> None:
    """10 per cent, all, then none: each step moves weights, and no pod."""
    room.apply(service())
    first = room.rolled()["status"]["inferry"]["history"]["rolled"]

    room.apply(canary("two", 10))
    shares = settled(room, [10, 90])
    (slot,) = [name for name, share in shares.items() if share == 10]
    name = f"iris-predictor-{slot.removeprefix('@')}"
    pods = room.deployments()[name]["metadata"]["uid"]
    assert weights(room)[name] == 10

    room.apply(canary("two", None))
    settled(room, [100])
    until(lambda: replicas(room).get("iris-predictor") == 0, "the old one at rest")
    assert room.deployments()[name]["metadata"]["uid"] == pods
    history = room.rolled()["status"]["inferry"]["history"]
    assert history["previous"] == first
    selector = room.api.get("services", "iris-predictor", room.namespace)["spec"]
    assert selector["selector"]["app"] == f"isvc.{name}"

    room.apply(canary("two", 0))
    until(lambda: room.traffic() == {"": 100}, "everything back at the old one", 60)
    assert replicas(room)["iris-predictor"] == 1


def test_a_canary_that_never_gets_ready_gets_nothing(room: Room) -> None:
    """And what was rolled out goes on to be Ready."""
    room.apply(service())
    room.rolled()

    room.apply(canary("two", 50, annotations=NEVER_READY))
    until(lambda: len(room.deployments()) == 2, "the canary's Deployment")

    assert room.ready()
    assert room.traffic() == {"": 100}


def test_a_canary_takes_all_although_the_runtime_before_it_is_gone(room: Room) -> None:
    """What it takes the place of goes on until then, and cannot be had again."""
    room.api.apply(RUNTIME, room.namespace)
    old = predictor()
    old["model"]["runtime"] = "older"
    room.apply(service(predictor=old))
    room.rolled()
    room.apply(canary("two", 10))
    settled(room, [10, 90])

    room.api.delete("servingruntimes", "older", room.namespace)
    room.apply(canary("two", None))

    settled(room, [100])
    until(lambda: "iris-predictor" not in room.deployments(), "the old one gone", 60)


def test_an_edit_of_the_canary_and_the_old_spec_end_it(room: Room) -> None:
    """What is asked for no more is taken away after the route has let go of it."""
    room.apply(service())
    room.rolled()
    room.apply(canary("two", 20))
    settled(room, [20, 80])
    (two,) = [name for name in room.deployments() if name != "iris-predictor"]

    room.apply(canary("three", 20))
    room.gone("deployments", two)
    settled(room, [20, 80])
    room.apply(service())
    until(lambda: list(room.deployments()) == ["iris-predictor"], "the canary gone", 60)

    assert room.traffic() == {"": 100}


def test_named_canaries_have_kserves_names(room: Room) -> None:
    """And leave again when they are not asked for."""
    room.apply(service())
    room.rolled()
    blue = {"predictor": predictor("blue", name="blue"), "trafficPercent": 30}

    room.apply(service(canary=[blue]))
    settled(room, [30, 70])
    assert set(room.deployments()) == {"iris-predictor", "iris-blue-predictor"}

    room.api.patch(
        "inferenceservices", "iris", room.namespace, {"spec": {"canary": None}}
    )
    room.gone("deployments", "iris-blue-predictor")
    assert room.traffic() == {"": 100}
