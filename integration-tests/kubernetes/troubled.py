"""Namespaces where something is refused, and one controller that looks after all."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from bed.api import until
from bed.controller import Controller, install
from faults_of_clusters import TAINTED, core, quota

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bed.api import Object
    from bed.cluster import Cluster

_PLACES = (
    "plain",
    "restricted",
    "limited",
    "quota",
    "counted",
    "hooked",
    "guarded",
    "ruled",
)
_ADMISSION = "admissionregistration.k8s.io/v1"
_POLICY = "ValidatingAdmissionPolicy"
_OURS = "faults-"


@contextlib.contextmanager
def troubled(cluster: Cluster) -> Iterator[dict[str, str]]:
    """Return the namespaces by what is the trouble there."""
    install(cluster)
    found = {each: cluster.namespace(each) for each in _PLACES}
    api = cluster.api
    _limit(cluster, found)
    for each in (
        _node(),
        _hook(found["hooked"], "pods", ""),
        _hook(found["guarded"], "deployments", "apps"),
        *_policy(found["ruled"]),
    ):
        api.create(each)
    try:
        with Controller(
            cluster,
            watched=tuple(found.values()),
            name="faults",
            KUBERNETES__INGRESS="none",
        ):
            yield found
    finally:
        for kind in (
            "validatingwebhookconfigurations",
            "validatingadmissionpolicybindings",
            "validatingadmissionpolicies",
        ):
            for each in api.list(kind):
                if each["metadata"]["name"].startswith(_OURS):
                    api.delete(kind, each["metadata"]["name"])
        api.delete("nodes", TAINTED)


def _limit(cluster: Cluster, places: dict[str, str]) -> None:
    api = cluster.api
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    change = {"metadata": {"labels": labels}}
    api.patch("namespaces", places["restricted"], "", change)
    most = {"limits": [{"type": "Container", "max": {"memory": "10Mi"}}]}
    api.create(core("LimitRange", "small", spec=most), places["limited"])
    api.create(quota("small", pods="0"), places["quota"])
    api.create(quota("few", **{"count/deployments.apps": "0"}), places["counted"])
    for name, place in (("small", "quota"), ("few", "counted")):

        def holds(name: str = name, namespace: str = places[place]) -> bool:
            found = api.get("resourcequotas", name, namespace)
            return "hard" in (found.get("status") or {})

        until(holds, f"the quota {name} to hold")


def _node() -> Object:
    taint = {"key": TAINTED, "effect": "NoSchedule"}
    node = core("Node", TAINTED, spec={"taints": [taint]})
    node["metadata"] |= {
        "labels": {"kubernetes.io/hostname": TAINTED, "kubernetes.io/os": "linux"},
        "annotations": {"kwok.x-k8s.io/node": "fake"},
    }
    return node


def _hook(namespace: str, resource: str, group: str) -> Object:
    """Return a webhook that nobody answers."""
    hook = {
        "name": f"{resource}.acme.com",
        "rules": [_rule(resource, group)],
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "namespaceSelector": _only(namespace),
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Fail",
        "timeoutSeconds": 2,
    }
    return {
        "apiVersion": _ADMISSION,
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"{_OURS}{resource}"},
        "webhooks": [hook],
    }


def _policy(namespace: str) -> list[Object]:
    """Return a policy of the platform that no Deployment of ours follows."""
    check = {
        "expression": "'owner' in object.metadata.labels",
        "message": "every Deployment has an owner label",
    }
    metadata = {"name": f"{_OURS}owners"}
    rules = {"resourceRules": [_rule("deployments", "apps")]}
    bound = {
        "policyName": f"{_OURS}owners",
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": _only(namespace)},
    }
    return [
        {
            "apiVersion": _ADMISSION,
            "kind": _POLICY,
            "metadata": metadata,
            "spec": {"matchConstraints": rules, "validations": [check]},
        },
        {
            "apiVersion": _ADMISSION,
            "kind": f"{_POLICY}Binding",
            "metadata": metadata,
            "spec": bound,
        },
    ]


def _rule(resource: str, group: str) -> Object:
    return {
        "operations": ["CREATE", "UPDATE"],
        "apiGroups": [group],
        "apiVersions": ["v1"],
        "resources": [resource],
    }


def _only(namespace: str) -> Object:
    return {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
