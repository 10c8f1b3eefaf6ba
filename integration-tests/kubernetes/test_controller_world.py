"""Runtimes, settings and kinds that come and change while services are there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from bed.api import conditions, until
from controlled import Room, predictor, service

if TYPE_CHECKING:
    from collections.abc import Callable

    from bed.cluster import Cluster
    from bed.controller import Controller
    from bed.faults import FaultProxy

CONFIG = "inferenceservice-config"


@pytest.fixture
def room(
    full_cluster: Cluster,
    namespace: str,
    new_controller: Callable[..., Controller],
    fault_proxy: FaultProxy,
) -> Room:
    """Return the namespace that the controller of this test looks after."""
    new_controller(
        full_cluster,
        watched=(namespace,),
        url=fault_proxy.url,
        KUBERNETES__INGRESS="none",
    )
    return Room(full_cluster.api, namespace)


def runtime(image: str, name: str = "own", form: str = "special") -> dict[str, Any]:
    """Return a ServingRuntime of one format."""
    container = {
        "name": "kserve-container",
        "image": image,
        "args": ["--model_name={{.Name}}"],
    }
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": name},
        "spec": {
            "supportedModelFormats": [{"name": form, "autoSelect": True}],
            "protocolVersions": ["v2"],
            "containers": [container],
        },
    }


def special(name: str = "special", **more: Any) -> dict[str, Any]:
    """Return a service of the format of `runtime`."""
    model = {"modelFormat": {"name": "special"}, "storageUri": "s3://models/x"}
    return service(name, predictor={"model": model}, **more)


def image(room: Room, name: str) -> str:
    """Return the image that serves a service."""
    deployment = room.deployments(name).get(f"{name}-predictor")
    if deployment is None:
        return ""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    found: str = containers[0]["image"]
    return found


def test_a_runtime_that_comes_later_is_taken_at_once(room: Room) -> None:
    """No service waits for a back-off to end."""
    room.apply(special())
    room.reason("NoSupportingRuntime", "special")

    room.apply(runtime("example/special:1"))

    assert room.ready("special", 15)


def test_a_changed_runtime_concerns_those_that_could_use_it(
    room: Room, fault_proxy: FaultProxy
) -> None:
    """The others are not even written to."""
    room.apply(runtime("example/special:1"))
    room.apply(special())
    room.apply(service())
    room.ready("special")
    room.ready()
    time.sleep(1)
    fault_proxy.calls.clear()

    room.apply(runtime("example/special:2"))
    until(lambda: image(room, "special") == "example/special:2", "the new image")
    room.ready("special")

    touched = [call.path for call in fault_proxy.calls if call.is_write]
    assert not [path for path in touched if "/iris" in path]


def test_a_service_that_wants_no_updates_keeps_its_runtime(room: Room) -> None:
    """Until it is edited itself."""
    frozen = {"serving.kserve.io/disable-auto-update": "true"}
    room.apply(runtime("example/special:1"))
    room.apply(special(annotations=frozen))
    room.rolled("special")

    room.apply(runtime("example/special:2"))
    time.sleep(2)
    assert image(room, "special") == "example/special:1"

    room.apply(special(annotations={**frozen, "edited": "yes"}))
    until(lambda: image(room, "special") == "example/special:2", "the new image")


def test_a_changed_setting_reaches_every_service_and_a_wrong_one_none(
    room: Room,
) -> None:
    """What is wrong is told by an event of the ConfigMap."""
    room.apply(service(predictor=predictor(minReplicas=2)))
    room.ready()
    config = room.api.get("configmaps", CONFIG, "inferry")
    before = config["data"]["inferry.toml"]
    try:
        for text in ("[kubernetes]\nmax_surge = 7\n", "[kubernetes]\nnonsense = 1\n"):
            wrong = {"data": {"inferry.toml": f"{before}\n{text}"}}
            room.api.patch("configmaps", CONFIG, "inferry", wrong)
            until(
                lambda: any(
                    event.get("reason") == "ConfigInvalid"
                    for event in room.api.list("events", "inferry")
                ),
                "an event of the ConfigMap",
            )
        right = {"data": {"inferry.toml": f'{before}\n[kubernetes]\nmax_surge = "3"\n'}}
        room.api.patch("configmaps", CONFIG, "inferry", right)

        def surge() -> bool:
            found = room.deployments()["iris-predictor"]["spec"]["strategy"]
            return str(found["rollingUpdate"]["maxSurge"]) == "3"

        until(surge, "the setting to arrive")
    finally:
        back = {"data": {"inferry.toml": before}}
        room.api.patch("configmaps", CONFIG, "inferry", back)


def test_kinds_that_are_not_served_say_so(room: Room) -> None:
    """They are installed, so that documents apply; none is ignored in silence."""
    graph = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "InferenceGraph",
        "metadata": {"name": "graph"},
        "spec": {
            "nodes": {
                "root": {
                    "routerType": "Sequence",
                    "steps": [{"serviceName": "iris"}],
                }
            }
        },
    }
    room.apply(graph)

    def told() -> Any:
        found = room.api.get("inferencegraphs", "graph", room.namespace)
        return conditions(found).get("Ready")

    ready = until(told, "the graph's condition")

    assert ready["status"] == "False"
    assert ready["reason"] == "NotSupportedByBackend"
