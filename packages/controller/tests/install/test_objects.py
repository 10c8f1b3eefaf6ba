"""What an install consists of, and that none of it asks for more than it needs."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from inferry_controller.configuration import read
from inferry_controller.install import InstallOptions, manifests, options_from
from inferry_controller.install.rights import AT_HOME, IN_CLUSTER, IN_NAMESPACES

from inferry.config import read_text
from inferry.errors import InvalidDocument

CLUSTER_SCOPED = {"Namespace", "CustomResourceDefinition"}
NAMESPACED = InstallOptions(
    scope="namespaced",
    watch=("team-a", "team-b"),
    crds={"install": False},  # type: ignore[arg-type]
    user_roles=False,
    create_namespace=False,
)


def of_kind(objects: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [each for each in objects if each["kind"] in kinds]


def one(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = of_kind(objects, kind)
    return found


def test_an_install_brings_six_kinds_and_one_of_all_else() -> None:
    found = manifests()
    assert len(of_kind(found, "CustomResourceDefinition")) == 6
    kinds = sorted({each["kind"] for each in found})
    assert kinds == [
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "CustomResourceDefinition",
        "Deployment",
        "Namespace",
        "PodDisruptionBudget",
        "Role",
        "RoleBinding",
        "Service",
        "ServiceAccount",
    ]


def test_nothing_needs_a_webhook_a_certificate_or_a_custom_resource() -> None:
    groups = {each["apiVersion"].rpartition("/")[0] for each in manifests()}
    assert groups == {
        "",
        "apiextensions.k8s.io",
        "apps",
        "policy",
        "rbac.authorization.k8s.io",
    }


def test_each_kind_is_small_enough_for_a_client_side_apply() -> None:
    for crd in of_kind(manifests(), "CustomResourceDefinition"):
        assert len(json.dumps(crd)) < 200_000


def test_nothing_of_it_may_read_a_secret() -> None:
    rules = [
        rule
        for role in of_kind(manifests(), "Role", "ClusterRole")
        for rule in role["rules"]
    ]
    assert not [rule for rule in rules if "secrets" in rule["resources"]]
    assert not [rule for rule in rules if "*" in str(rule)]
    assert not [rule for rule in rules if rule["resources"] == ["nodes"]]


def test_secrets_can_be_read_only_where_it_was_asked_for() -> None:
    found = manifests(InstallOptions(secret_namespaces=("team-a",)))
    reading = [
        (role["kind"], role["metadata"]["namespace"])
        for role in of_kind(found, "Role", "ClusterRole")
        for rule in role["rules"]
        if "secrets" in rule["resources"]
    ]
    assert reading == [("Role", "team-a")]
    environment = container(found)["env"]
    assert {"name": "INFERRY_CONTROLLER__SECRET_NAMESPACES", "value": "team-a"} in (
        environment
    )


def test_a_namespaced_install_has_nothing_of_the_cluster() -> None:
    found = manifests(NAMESPACED)
    assert not [each for each in found if "namespace" not in each["metadata"]]
    roles = of_kind(found, "Role")
    assert [(r["metadata"]["namespace"], r["metadata"]["name"]) for r in roles] == [
        ("inferry", "inferry-controller"),
        ("team-a", "inferry-controller-services"),
        ("team-b", "inferry-controller-services"),
    ]
    value = {"name": "INFERRY_CONTROLLER__NAMESPACES", "value": "team-a,team-b"}
    assert value in container(found)["env"]


def test_every_right_says_why_and_is_named_once() -> None:
    rights = (*IN_NAMESPACES, *IN_CLUSTER)
    named = [(right.group, each) for right in rights for each in right.resources]
    assert len(named) == len(set(named))
    assert all(right.why.endswith(".") for right in (*rights, *AT_HOME))


def container(objects: list[dict[str, Any]]) -> dict[str, Any]:
    pod = one(objects, "Deployment")["spec"]["template"]["spec"]
    (found,) = pod["containers"]
    return found


def test_the_controllers_pod_is_restricted_and_light() -> None:
    objects = manifests()
    pod = one(objects, "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    found = container(objects)
    assert found["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert one(objects, "Deployment")["spec"]["replicas"] == 2
    # Of two replicas together: 100m and 200Mi.
    assert found["resources"]["requests"] == {"cpu": "50m", "memory": "100Mi"}
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= found.keys()


def test_one_replica_has_no_disruption_budget() -> None:
    found = manifests(InstallOptions(replicas=1))
    assert of_kind(found, "PodDisruptionBudget") == []


def test_the_settings_are_those_that_a_controller_reads() -> None:
    options = InstallOptions(
        registry="registry.test/inferry",
        settings={
            "kubernetes": {"workers": "x", "storage_limits": {"cpu": "2"}, "n": 3},
            "plugins": {"deny": ["a"]},
        },
        config={"deploy": {"defaultDeploymentMode": "Standard"}, "ingress": "{}"},
    )
    data = one(manifests(options), "ConfigMap")["data"]
    assert tomllib.loads(data["inferry.toml"]) == {
        "images": {"registry": "registry.test/inferry"},
        "kubernetes": {"workers": "x", "storage_limits": {"cpu": "2"}, "n": 3},
        "plugins": {
            "allow": [
                *("controller", "huggingface", "lightgbm", "onnx", "paddle", "pytorch"),
                *("sklearn", "storage", "tensorflow", "triton", "xgboost"),
            ],
            "deny": ["a"],
        },
    }
    assert data["deploy"] == '{"defaultDeploymentMode":"Standard"}'
    assert data["ingress"] == "{}"


def test_the_shipped_settings_are_without_a_problem_and_list_every_other() -> None:
    data = one(manifests(), "ConfigMap")["data"]
    found = read(data, "ConfigMap inferry/inferenceservice-config")
    assert (found.problems, found.notes) == ((), ())
    lines = data["inferry.toml"].splitlines()
    listed = [line[2:] for line in lines if line.startswith(("# [", "# "))]
    start = next(n for n, line in enumerate(listed) if line.startswith("["))
    given = read_text("\n".join(listed[start:]), "comments")
    assert read({"inferry.toml": "\n".join(listed[start:])}, "x").problems == ()
    assert len(given) > 30


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"scope": "namespaced"}, "watch: a namespaced install needs"),
        ({"watch": ["a"]}, "watch: only a namespaced install"),
        ({"namespace": "A"}, "namespace: 'A' is no name"),
        ({"replicas": 0}, "replicas: must be at least 1"),
        ({"replica": 1}, "unknown field `replica`"),
        ({"scope": "all"}, "Invalid enum value 'all'"),
        ({"labels": {"app.kubernetes.io/name": "x"}}, "labels: app.kubernetes.io/name"),
        ({"registry": "a b"}, "registry: 'a b'"),
        ({"version": "1+2"}, "version: '1+2'"),
    ],
)
def test_an_install_that_cannot_be_is_refused(
    given: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidDocument) as caught:
        options_from(given)
    assert problem in str(caught.value)
