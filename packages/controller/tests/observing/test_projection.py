"""What is kept of objects."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from cluster_objects import ACCEPTED, deployment, pod, route
from inferry_controller.observing import KNATIVE, event, live, project
from inferry_controller.observing.facts import (
    DeploymentFact,
    Fact,
    GatewayFact,
    RouteFact,
)


def edited(*path: str, value: Any) -> dict[str, Any]:
    """Return a Deployment where *value* is at *path*."""
    found = copy.deepcopy(deployment())
    place = found
    for key in path[:-1]:
        place = place.setdefault(key, {})
    place[path[-1]] = value
    return found


@pytest.mark.parametrize(
    "path",
    [
        ("status", "readyReplicas"),
        ("metadata", "resourceVersion"),
        ("metadata", "generation"),
        ("metadata", "creationTimestamp"),
        ("metadata", "annotations", "deployment.kubernetes.io/revision"),
    ],
)
def test_what_the_cluster_writes_is_no_edit(path: tuple[str, ...]) -> None:
    assert live(edited(*path, value="9")) == live(deployment())


@pytest.mark.parametrize(
    "path",
    [
        ("spec", "template", "spec", "nodeName"),
        ("spec", "replicas"),
        ("metadata", "labels", "component"),
        ("metadata", "annotations", "ours"),
        ("metadata", "ownerReferences"),
        ("data",),
    ],
)
def test_an_edit_by_hand_changes_the_digest(path: tuple[str, ...]) -> None:
    value: Any = [] if path[-1] == "ownerReferences" else "9"
    assert live(edited(*path, value=value)) != live(deployment())


def test_replicas_of_an_autoscaler_are_none_of_ours() -> None:
    one, two = deployment(replicas=1), deployment(replicas=2)
    for each in (one, two):
        each["metadata"]["managedFields"] = []
    assert live(one) == live(two)


def test_replicas_that_somebody_took_over_are_an_edit() -> None:
    ours, taken = deployment(replicas=1), deployment(replicas=2)
    taken["metadata"]["managedFields"] = [
        {"manager": "kubectl", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    ]
    assert live(ours) != live(taken)


def test_a_deployment_is_its_labels_and_numbers() -> None:
    counted = {"replicas": 3, "updatedReplicas": 2, "readyReplicas": 1}
    found = project("Deployment", deployment(replicas=3, status=counted))
    assert isinstance(found, DeploymentFact)
    assert (found.service, found.component, found.revision) == (
        "iris",
        "predictor",
        "rev-new",
    )
    assert (found.wanted, found.replicas, found.updated, found.ready) == (3, 3, 2, 1)
    assert (found.generation, found.observed_generation) == (3, 3)
    assert found.owner == "uid-iris"


def test_a_knative_service_has_a_kind_of_its_own() -> None:
    obj = deployment() | {"apiVersion": "serving.knative.dev/v1", "kind": "Service"}
    for kind in ("Service", KNATIVE):
        found = project(kind, obj)
        assert isinstance(found, DeploymentFact)
        assert (found.kind, found.wanted) == (KNATIVE, 0)


@pytest.mark.parametrize("kind", ["Service", "PodDisruptionBudget", "VirtualService"])
def test_a_kind_that_nothing_is_read_of_is_a_plain_fact(kind: str) -> None:
    found = project(kind, deployment() | {"apiVersion": "v1"})
    assert type(found) is Fact
    assert (found.kind, found.live != b"") == (kind, True)


def test_a_pod_keeps_what_explains_it_and_no_digest() -> None:
    found = project("Pod", pod())
    assert found.live == b""
    assert [c.name for c in found.containers] == [  # type: ignore[attr-defined]
        "storage-initializer",
        "kserve-container",
    ]
    assert found.containers[1].memory == "1Gi"  # type: ignore[attr-defined]


def test_a_container_without_a_startup_probe_has_not_started() -> None:
    raw = pod(server={"state": {"running": {}}, "started": True})
    del raw["spec"]["containers"][0]["startupProbe"]
    assert not project("Pod", raw).containers[1].started  # type: ignore[attr-defined]


def test_only_what_is_said_for_the_parents_it_names_counts() -> None:
    raw = route(*ACCEPTED)
    stranger = copy.deepcopy(raw["status"]["parents"][0])
    stranger["parentRef"]["name"] = "another"
    stranger["conditions"][0]["status"] = "False"
    raw["status"]["parents"].append(stranger)
    found = project("HTTPRoute", raw)
    assert isinstance(found, RouteFact)
    assert (found.parents, found.accepted_generation) == (1, 4)
    assert {c.status for c in found.conditions} == {"True"}


def test_of_two_controllers_of_a_parent_the_worse_counts() -> None:
    raw = route(*ACCEPTED)
    second = copy.deepcopy(raw["status"]["parents"][0])
    second["conditions"][0]["status"] = "False"
    raw["status"]["parents"].append(second)
    found = project("HTTPRoute", raw)
    assert isinstance(found, RouteFact)
    accepted = next(c for c in found.conditions if c.type == "Accepted")
    assert accepted.status == "False"


def test_an_ingress_and_a_gateway_have_addresses() -> None:
    ingress = {
        "metadata": {"name": "iris"},
        "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}},
    }
    gateway = {
        "metadata": {"name": "gateway"},
        "status": {"addresses": [{"value": "10.0.0.2"}]},
    }
    route_fact, gateway_fact = project("Ingress", ingress), project("Gateway", gateway)
    assert isinstance(route_fact, RouteFact)
    assert isinstance(gateway_fact, GatewayFact)
    assert route_fact.addresses == ("10.0.0.1",)
    assert gateway_fact.addresses == ("10.0.0.2",)


@pytest.mark.parametrize("kind", ["HorizontalPodAutoscaler", "ScaledObject"])
def test_what_an_autoscaler_counts_is_no_news(kind: str) -> None:
    """It counts every few seconds, and no status tells of it."""
    raw = {"metadata": {"name": "iris"}, "spec": {"maxReplicas": 4}}
    counted = {**raw, "status": {"currentReplicas": 1, "desiredReplicas": 4}}
    edited = {**raw, "spec": {"maxReplicas": 5}}
    assert project(kind, counted) == project(kind, raw)
    assert project(kind, edited) != project(kind, raw)


def test_events_of_both_api_groups_are_read() -> None:
    old = {
        "involvedObject": {"kind": "Pod", "name": "p"},
        "reason": "FailedMount",
        "message": "no",
        "type": "Warning",
        "count": 3,
        "lastTimestamp": "t",
    }
    new = {
        "regarding": {"kind": "Pod", "name": "p"},
        "reason": "FailedMount",
        "note": "no",
        "type": "Warning",
        "series": {"count": 3, "lastObservedTime": "t"},
    }
    assert event(old) == event(new)
    assert (event(old).count, event(old).last) == (3, "t")
