"""What the controller's own account may do on a real API server, and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bed.api import ApiError, until
from inferry_controller.install import InstallOptions, manifests
from inferry_controller.install.rights import (
    AT_HOME,
    IN_CLUSTER,
    IN_NAMESPACES,
    SECRETS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bed.api import Api, Object
    from bed.cluster import Cluster
    from inferry_controller.install.rights import Right

ACCOUNT = "inferry-controller"
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"


@pytest.fixture(scope="module")
def cluster(new_cluster: Callable[..., Cluster]) -> Cluster:
    """Return a cluster for these tests: each install binds the ClusterRole anew."""
    return new_cluster()


@pytest.fixture
def home(cluster: Cluster) -> str:
    """Return the namespace of an install for this test alone."""
    return cluster.namespace("home")


def install(cluster: Cluster, **options: Any) -> Api:
    """Apply everything but the kinds; return what asks as the controller."""
    chosen = InstallOptions(create_namespace=False, **options)
    for document in manifests(chosen):
        if document["kind"] != "CustomResourceDefinition":
            cluster.api.apply(document, manager="install")
    found = cluster.api_of(cluster.service_account(ACCOUNT, chosen.namespace))
    where = chosen.namespace
    until(lambda: allowed(found, where) != allowed(found, where, own=False), "rights")
    return found


def namespaced(cluster: Cluster, home: str, *watched: str) -> Api:
    return install(
        cluster,
        namespace=home,
        scope="namespaced",
        watch=watched,
        user_roles=False,
        crds={"install": False},
    )


def allowed(
    api: Api, namespace: str, *, own: bool = True
) -> set[tuple[str, str, str, str]]:
    """Return what the server says this user may do: group, resource, name, verb."""
    body = {"spec": {"namespace": namespace}}
    rules = api.request("POST", REVIEW, body)["status"]["resourceRules"] if own else ()
    return {
        (group, resource, name, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames") or ("",)
        for verb in rule["verbs"]
        # What every user may ask about itself.
        if group not in ("authentication.k8s.io", "authorization.k8s.io")
    }


def listed(rights: Iterable[Right]) -> set[tuple[str, str, str, str]]:
    return {
        (right.group, resource, name, verb)
        for right in rights
        for resource in right.resources
        for name in right.names or ("",)
        for verb in right.verbs
    }


def refused(api: Api, method: str, path: str, body: Object | None = None) -> bool:
    try:
        api.request(method, path, body)
    except ApiError as error:
        return error.status == 403
    return False


def test_the_account_may_do_what_the_page_lists_and_nothing_else(
    cluster: Cluster, home: str
) -> None:
    api = install(cluster, namespace=home)
    elsewhere = cluster.namespace()
    assert allowed(api, elsewhere) == listed((*IN_NAMESPACES, *IN_CLUSTER))
    everything = listed((*IN_NAMESPACES, *IN_CLUSTER, *AT_HOME))
    assert allowed(api, home) == everything


def test_no_secret_can_be_read_by_it(cluster: Cluster, home: str) -> None:
    api = install(cluster, namespace=home)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "key", "namespace": home},
        "stringData": {"a": "b"},
    }
    cluster.api.create(secret)
    one = api.path("secrets", "key", home)
    assert refused(api, "GET", one)
    assert refused(api, "GET", api.path("secrets", "", home))
    assert refused(api, "GET", "/api/v1/secrets")
    assert refused(api, "DELETE", one)
    token = api.path("serviceaccounts", ACCOUNT, home, "token")
    assert refused(api, "POST", token, {"spec": {}})


def test_it_can_neither_grant_nor_run_nor_enter(cluster: Cluster, home: str) -> None:
    api = install(cluster, namespace=home)
    pod: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    assert refused(api, "POST", api.path("pods", "", home), pod)
    assert refused(api, "POST", api.path("pods", "p", home, "exec"), {})
    roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    assert refused(api, "GET", roles)
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert refused(api, "GET", crds)
    assert refused(api, "GET", api.path("configmaps", "other", home))
    assert refused(api, "GET", "/api/v1/nodes")


def test_secrets_can_be_read_where_it_was_asked_for(
    cluster: Cluster, home: str
) -> None:
    named, other = cluster.namespace(), cluster.namespace()
    api = install(cluster, namespace=home, secret_namespaces=(named,))
    until(lambda: listed(SECRETS) <= allowed(api, named), "the rights on Secrets")
    assert api.list("secrets", named) == []
    assert refused(api, "GET", api.path("secrets", "", other))


def test_a_namespaced_install_can_do_its_work_there_alone(
    cluster: Cluster, home: str
) -> None:
    here, there = cluster.namespace(), cluster.namespace()
    api = namespaced(cluster, home, here)
    until(lambda: allowed(api, here) == listed(IN_NAMESPACES), "its Role")
    assert allowed(api, there) == set()
    assert allowed(api, home) == listed(AT_HOME)
    assert api.list("inferenceservices", here) == []
    assert refused(api, "GET", api.path("inferenceservices", "", there))
    assert refused(api, "GET", "/apis/serving.kserve.io/v1beta1/inferenceservices")


def test_the_calls_of_a_controller_are_answered(cluster: Cluster, home: str) -> None:
    api = install(cluster, namespace=home)
    where = cluster.namespace()
    config = api.path("configmaps", "", home)
    chosen = {"fieldSelector": "metadata.name=inferenceservice-config"}
    assert len(api.request("GET", config, **chosen)["items"]) == 1
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": ACCOUNT, "namespace": home},
        "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15},
    }
    made = api.create(lease)
    path = api.path("leases", ACCOUNT, home)
    assert api.request("PUT", path, made)["spec"]["holderIdentity"] == "me"
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "iris", "namespace": where},
        "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}}}},
    }
    owner = cluster.api.create(service)
    status = {key: service[key] for key in ("apiVersion", "kind", "metadata")}
    api.apply(status | {"status": {"url": "http://x"}}, part="status")
    child = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "iris-predictor",
            "namespace": where,
            "ownerReferences": [
                {
                    "apiVersion": service["apiVersion"],
                    "kind": "InferenceService",
                    "name": "iris",
                    "uid": owner["metadata"]["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {"ports": [{"port": 80}]},
    }
    api.apply(child)
    api.request("DELETE", api.path("services", "iris-predictor", where))
    event = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "iris.1", "namespace": where},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": ACCOUNT,
        "reportingInstance": "x",
        "action": "Reconcile",
        "reason": "Test",
        "type": "Normal",
        "regarding": {"kind": "InferenceService", "name": "iris", "namespace": where},
    }
    api.create(event)


def test_whoever_may_edit_a_namespace_may_edit_services_in_it(
    full_cluster: Cluster,
) -> None:
    where = full_cluster.namespace()
    for document in manifests(InstallOptions(namespace=where, create_namespace=False)):
        if document["kind"] == "ClusterRole":
            full_cluster.api.apply(document, manager="install")
    for user, role in (("viewer", "view"), ("editor", "edit")):
        full_cluster.api.apply(bound(user, role, where))
    viewer = full_cluster.api_of(full_cluster.user("viewer"))
    editor = full_cluster.api_of(full_cluster.user("editor"))
    until(lambda: can(viewer, where), "the role view")
    until(lambda: can(editor, where), "the role edit")
    service: Object = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "iris", "namespace": where},
        "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}}}},
    }
    path = viewer.path("inferenceservices", "", where)
    assert refused(viewer, "POST", path, service)
    editor.create(service)
    assert len(viewer.list("inferenceservices", where)) == 1


def can(api: Api, namespace: str) -> bool:
    rules = allowed(api, namespace)
    return ("serving.kserve.io", "inferenceservices", "", "list") in rules


def bound(user: str, role: str, namespace: str) -> Object:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": user, "namespace": namespace},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "name": user, "apiGroup": group}],
    }


def test_its_pod_is_let_into_a_restricted_namespace(full_cluster: Cluster) -> None:
    restricted = {
        f"pod-security.kubernetes.io/{mode}": "restricted"
        for mode in ("enforce", "warn")
    }
    where = full_cluster.namespace("restricted", **restricted)
    options = InstallOptions(namespace=where, create_namespace=False)
    for document in manifests(options):
        if document["kind"] in ("ServiceAccount", "Deployment"):
            full_cluster.api.apply(document, manager="install")
    until(lambda: ready(full_cluster, where) == 2, "both replicas")


def ready(cluster: Cluster, namespace: str) -> int:
    found = cluster.api.get("deployments", ACCOUNT, namespace)
    return int(found["status"].get("readyReplicas", 0))
