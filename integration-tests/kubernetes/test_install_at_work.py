"""The real controller works with the rights of an install, cluster-wide and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bed.api import is_true, until
from bed.controller import Controller, install

if TYPE_CHECKING:
    from collections.abc import Callable

    from bed.api import Object
    from bed.cluster import Cluster


@pytest.fixture(scope="module")
def full_cluster(new_cluster: Callable[..., Cluster]) -> Cluster:
    """Return a cluster for these tests: each install binds the ClusterRole anew."""
    return new_cluster(nodes=1)


OF_THE_CLUSTER = ["clusterservingruntimes", "clusterstoragecontainers", "gateways"]


def service(namespace: str) -> Object:
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "iris", "namespace": namespace},
        "spec": {
            "predictor": {
                "minReplicas": 2,
                "model": {
                    "modelFormat": {"name": "sklearn"},
                    "storageUri": "s3://models/iris",
                },
            }
        },
    }


@pytest.mark.parametrize("scope", ["cluster", "namespaced"])
def test_a_service_gets_ready_and_nothing_is_forbidden(
    full_cluster: Cluster, scope: str
) -> None:
    cluster = full_cluster
    home, here = cluster.namespace("home"), cluster.namespace()
    options: dict[str, object] = {"settings": {"kubernetes": {"ingress": "none"}}}
    if scope == "namespaced":
        options |= {"scope": scope, "watch": (here,), "user_roles": False}
    install(cluster, namespace=home, create_namespace=False, **options)
    watched = (here,) if scope == "namespaced" else ()
    with Controller(
        cluster, namespace=home, watched=watched, CONTROLLER__LEADER_ELECTION="true"
    ) as controller:
        cluster.api.create(service(here))
        until(lambda: ready(cluster, here), "the service", seconds=90)
        # An update keeps the old revision, and a delete takes all of it away.
        change = {"spec": {"predictor": {"minReplicas": 1, "timeout": 30}}}
        cluster.api.patch("inferenceservices", "iris", here, change)
        until(lambda: replicas(cluster, here) == 1, "the change", seconds=90)
        cluster.api.request(
            "DELETE", cluster.api.path("inferenceservices", "iris", here)
        )
        until(
            lambda: not cluster.api.list("deployments", here),
            "nothing left",
            seconds=90,
        )
        log = controller.log
    forbidden = [line for line in log.splitlines() if "orbidden" in line]
    told = [kind for kind in OF_THE_CLUSTER if any(kind in line for line in forbidden)]
    # Told once, each: without rights outside of its namespaces it does without these.
    assert told == ([] if scope == "cluster" else OF_THE_CLUSTER)
    assert len(forbidden) == len(told)


def ready(cluster: Cluster, namespace: str) -> bool:
    found = cluster.api.get("inferenceservices", "iris", namespace)
    return is_true(found, "Ready")


def replicas(cluster: Cluster, namespace: str) -> int:
    found = cluster.api.get("deployments", "iris-predictor", namespace)
    return int(found["spec"]["replicas"])
