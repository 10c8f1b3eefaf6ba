"""Two services that cannot both be had: the first one stays, the second is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlled import Room, service

if TYPE_CHECKING:
    from collections.abc import Callable

    from bed.cluster import Cluster
    from bed.controller import Controller


def test_a_host_name_stays_with_the_service_that_has_it(
    full_cluster: Cluster, namespace: str, new_controller: Callable[..., Controller]
) -> None:
    """``a-b`` in ``c`` and ``a`` in ``b-c`` would both be a-b-c.example.com."""
    other = f"b-{namespace}"
    api = full_cluster.api
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    controller = new_controller(
        full_cluster, watched=(namespace, other), KUBERNETES__INGRESS="ingress"
    )
    first, second = Room(api, namespace), Room(api, other)
    first.apply(service("a-b"))
    host = f"http://a-b-{namespace}.example.com"
    assert first.ready("a-b")["status"]["url"] == host

    second.apply(service("a"))

    refused = second.reason("NameConflict", "a")
    assert "url" not in refused["status"]
    assert f"{namespace}/a-b" not in str(refused["status"])
    assert api.list("ingresses", other) == []

    controller.restart()
    second.apply(service("a", path="other"))
    second.reason("NameConflict", "a")
    assert api.list("ingresses", other) == []

    api.delete("inferenceservices", "a-b", namespace)
    assert second.ready("a", 90)["status"]["url"] == host


def test_a_canary_does_not_take_the_name_of_another_service(
    full_cluster: Cluster, namespace: str, new_controller: Callable[..., Controller]
) -> None:
    """What this controller wrote itself is no conflict to the API server."""
    new_controller(full_cluster, watched=(namespace,), KUBERNETES__INGRESS="none")
    room = Room(full_cluster.api, namespace)
    room.apply(service("a-b"))
    before = room.ready("a-b")
    canary = {**service(path="new")["spec"]["predictor"], "name": "b"}

    room.apply(service("a", canary=[{"trafficPercent": 10, "predictor": canary}]))

    room.reason("NameConflict", "a")
    (owner,) = room.deployments("a-b")["a-b-predictor"]["metadata"]["ownerReferences"]
    assert owner["uid"] == before["metadata"]["uid"]
