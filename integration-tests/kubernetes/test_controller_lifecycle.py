"""What the controller makes of one service, from its first apply to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bed.api import conditions, until
from controlled import SERVICES, Room, predictor, service

if TYPE_CHECKING:
    from collections.abc import Callable

    from bed.cluster import Cluster
    from bed.controller import Controller


@pytest.fixture
def controller(
    full_cluster: Cluster, namespace: str, new_controller: Callable[..., Controller]
) -> Controller:
    """Return a controller that leads no requests in from outside."""
    return new_controller(
        full_cluster, watched=(namespace,), KUBERNETES__INGRESS="none"
    )


@pytest.fixture
def room(full_cluster: Cluster, namespace: str, controller: Controller) -> Room:
    """Return the namespace that the controller of this test looks after."""
    assert controller.port
    return Room(full_cluster.api, namespace)


def test_a_service_gets_its_objects_and_becomes_ready(room: Room) -> None:
    """Deployment and Service carry KServe's names and are the service's."""
    made = room.apply(service())

    ready = room.ready()

    deployment = room.api.get("deployments", "iris-predictor", room.namespace)
    (owner,) = deployment["metadata"]["ownerReferences"]
    assert owner["uid"] == made["metadata"]["uid"]
    assert owner["controller"]
    assert owner["blockOwnerDeletion"]
    assert room.api.find("services", "iris-predictor", room.namespace)
    assert ready["status"]["url"].startswith("http://iris-")
    assert ready["status"]["phase"] == "Ready"


def test_an_edit_rolls_the_deployment_in_place(room: Room) -> None:
    """The revision before is named, and what it was is kept for the way back."""
    room.apply(service())
    first = room.rolled()["status"]["inferry"]["history"]["rolled"]

    room.apply(service(path="other"))
    after = until(
        lambda: (s := room.rolled())["status"]["inferry"]["history"]["previous"] and s,
        "the edit rolled out",
    )

    assert list(room.deployments()) == ["iris-predictor"]
    assert after["status"]["inferry"]["history"]["previous"] == first
    kept = room.api.list("controllerrevisions", room.namespace)
    assert [each["metadata"]["name"] for each in kept] == [f"iris-{first}"]


def test_a_hand_edit_of_what_is_ours_is_put_back(room: Room) -> None:
    """And what others add stays."""
    room.apply(service())
    room.ready()
    change: dict[str, Any] = {
        "metadata": {"labels": {"team": "blue"}, "annotations": {"note": "mine"}},
        "spec": {"replicas": 3},
    }
    room.api.patch("deployments", "iris-predictor", room.namespace, change)

    def repaired() -> Any:
        found = room.api.get("deployments", "iris-predictor", room.namespace)
        return found if found["spec"]["replicas"] == 1 else None

    found = until(repaired, "the number of replicas to be put back")

    assert found["metadata"]["labels"]["team"] == "blue"
    assert found["metadata"]["annotations"]["note"] == "mine"


def test_a_child_that_is_deleted_comes_back(room: Room) -> None:
    """Whoever deleted it."""
    room.apply(service())
    room.ready()

    room.api.delete("services", "iris-predictor", room.namespace)

    until(
        lambda: room.api.find("services", "iris-predictor", room.namespace),
        "the Service to come back",
    )


def test_removing_the_transformer_removes_its_objects(room: Room) -> None:
    """The route lets go of it first."""
    container = {"name": "kserve-container", "image": "example/transformer:1"}
    room.apply(service(transformer={"containers": [container]}))
    room.ready()
    assert "iris-transformer" in room.deployments()

    document = service()
    document["spec"]["transformer"] = None
    room.api.patch(SERVICES, "iris", room.namespace, {"spec": {"transformer": None}})

    room.gone("deployments", "iris-transformer")
    room.gone("services", "iris-transformer")
    assert room.ready()


def test_a_stopped_service_has_no_objects_and_comes_back(room: Room) -> None:
    """By KServe's annotation, and without it again."""
    room.apply(service())
    room.ready()

    room.apply(service(annotations={"serving.kserve.io/stop": "true"}))
    stopped = room.reason("Stopped")
    room.gone("deployments", "iris-predictor")
    room.gone("services", "iris-predictor")
    room.apply(service(annotations={"serving.kserve.io/stop": "false"}))

    assert conditions(stopped)["Stopped"]["status"] == "True"
    assert stopped["status"]["phase"] == "Stopped"
    assert room.ready()


def test_a_deleted_service_takes_everything_along(room: Room) -> None:
    """By the garbage collector: no finalizer of ours has to be waited for."""
    room.apply(service())
    room.ready()
    assert "finalizers" not in room.get()["metadata"]

    room.api.delete(SERVICES, "iris", room.namespace)

    room.gone("deployments", "iris-predictor")
    room.gone("services", "iris-predictor")


def test_what_kserves_controller_left_does_not_keep_a_service(room: Room) -> None:
    """Its finalizer has nobody any more who takes it away."""
    document = service()
    document["metadata"]["finalizers"] = ["inferenceservice.finalizers"]
    room.apply(document)
    room.ready()

    room.api.delete(SERVICES, "iris", room.namespace)

    room.gone(SERVICES, "iris", 15)


def test_a_name_that_is_taken_is_not_taken_over(room: Room) -> None:
    """The object of somebody else stays as it is, and the status says so."""
    foreign = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "iris-predictor"},
        "spec": {"selector": {"app": "somebody"}, "ports": [{"port": 9999}]},
    }
    room.apply(foreign)

    room.apply(service())
    room.reason("NameConflict")

    kept = room.api.get("services", "iris-predictor", room.namespace)
    assert kept["spec"]["selector"] == {"app": "somebody"}
    assert "ownerReferences" not in kept["metadata"]


def test_a_service_that_nothing_can_serve_says_so(room: Room) -> None:
    """With the reason and what to do, and no object is made for it."""
    model = {"modelFormat": {"name": "nonsense"}, "storageUri": "s3://models/x"}

    room.apply(service(predictor={"model": model}))
    found = room.reason("NoSupportingRuntime")

    assert found["status"]["phase"] == "Failed"
    assert found["status"]["observedGeneration"] == 1
    assert not room.deployments()


def test_an_edit_that_cannot_be_planned_leaves_what_serves(room: Room) -> None:
    """Nobody's requests are lost to a typing error."""
    room.apply(service())
    room.ready()
    model = {"modelFormat": {"name": "nonsense"}, "storageUri": "s3://models/x"}

    room.apply(service(predictor={"model": model}))
    room.reason("NoSupportingRuntime")

    assert list(room.deployments()) == ["iris-predictor"]

    room.apply(service())

    assert room.ready()


def test_an_autoscaler_owns_the_replicas(room: Room) -> None:
    """Somebody else's number stays, and an HPA that is not asked for any more goes."""
    asked = predictor(minReplicas=2, maxReplicas=5)
    room.apply(service(predictor=asked))
    room.ready()
    room.api.patch(
        "deployments", "iris-predictor", room.namespace, {"spec": {"replicas": 4}}
    )

    room.apply(service(predictor=asked, annotations={"touch": "1"}))
    until(
        lambda: (s := room.ready()) and s["metadata"]["annotations"].get("touch"),
        "the edit seen",
    )
    kept = room.api.get("deployments", "iris-predictor", room.namespace)
    assert kept["spec"]["replicas"] == 4

    room.apply(service())

    room.gone("horizontalpodautoscalers", "iris-predictor")
    until(
        lambda: (
            room.api.get("deployments", "iris-predictor", room.namespace)["spec"][
                "replicas"
            ]
            == 1
        ),
        "one replica",
    )


def test_that_a_service_is_ready_is_told_by_an_event(room: Room) -> None:
    """With KServe's words for it."""
    room.apply(service())
    room.ready()

    def told() -> bool:
        found = room.api.list("events", room.namespace)
        return any(e.get("reason") == "InferenceServiceReady" for e in found)

    until(told, "the event", 10)
