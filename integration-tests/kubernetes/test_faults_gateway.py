"""What a real Gateway refuses is told by its name within 30 seconds, and heals."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from bed.api import conditions
from bed.gateway import NAME, NAMESPACE
from controlled import Room, service
from faulty import Fault, check, inject, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bed.cluster import Cluster
    from bed.controller import Controller
    from bed.gateway import Gateway

_OURS = f"{NAMESPACE}/{NAME}"
#: What is changed of the Gateway's one listener, and what is told of it.
FAULTS: dict[str, tuple[dict[str, Any], Fault]] = {
    "namespace-not-allowed": (
        {"allowedRoutes": {"namespaces": {"from": "Same"}}},
        Fault(
            document=service(),
            reason="GatewayNotAccepted",
            says=(_OURS, "HTTPRoute"),
            advice="listener",
        ),
    ),
    "host-not-allowed": (
        {"hostname": "*.elsewhere.org"},
        Fault(
            document=service(),
            reason="GatewayNotAccepted",
            says=(_OURS, "HTTPRoute"),
            advice="host name",
        ),
    ),
}


@contextlib.contextmanager
def changed(cluster: Cluster, change: dict[str, Any]) -> Iterator[None]:
    """Change the listener of the Gateway for a while."""
    (before,) = cluster.api.get("gateways", NAME, NAMESPACE)["spec"]["listeners"]
    spec = {"listeners": [{**before, **change}]}
    cluster.api.patch("gateways", NAME, NAMESPACE, {"spec": spec})
    try:
        yield
    finally:
        spec = {"listeners": [before]}
        cluster.api.patch("gateways", NAME, NAMESPACE, {"spec": spec})


@pytest.mark.parametrize("name", FAULTS)
def test_what_the_gateway_refuses_is_told_and_heals(
    name: str,
    full_cluster: Cluster,
    gateway: Gateway,
    watched_by: Room,
) -> None:
    assert gateway.url
    change, fault = FAULTS[name]
    places = {"plain": watched_by.namespace}
    with changed(full_cluster, change):
        at = inject({name: fault}, full_cluster.api, places)
        told = watched({name: fault}, full_cluster.api, places, at)[name]
        check(name, fault, told)
        found = conditions({"status": told.status})
        assert found["IngressReady"]["reason"] == fault.reason
    assert "reason" not in watched_by.ready(name)["status"]


def test_a_gateway_that_is_not_there_is_told_by_name(
    full_cluster: Cluster,
    gateway: Gateway,
    namespace: str,
    new_controller: Callable[..., Controller],
) -> None:
    """It heals by another setting."""
    assert gateway.url
    wrong = {"KUBERNETES__GATEWAY": f"{NAMESPACE}/not-there"}
    fault = Fault(
        document=service(),
        reason="GatewayNotFound",
        says=(f"there is no Gateway '{NAMESPACE}/not-there'",),
        advice="kubernetes.gateway",
    )
    places, faults = {"plain": namespace}, {"iris": fault}
    with new_controller(full_cluster, watched=(namespace,), **wrong):
        at = inject(faults, full_cluster.api, places)
        check("iris", fault, watched(faults, full_cluster.api, places, at)["iris"])
    with new_controller(full_cluster, watched=(namespace,)):
        Room(full_cluster.api, namespace).ready()


@pytest.fixture
def watched_by(full_cluster: Cluster, namespace: str, controller: Controller) -> Room:
    """Return a namespace whose services get routes."""
    assert controller.url
    return Room(full_cluster.api, namespace)
