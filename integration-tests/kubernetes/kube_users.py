"""Users of the API server for the tests of the controller's runtime."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from bed.cluster import Cluster

Object = dict[str, Any]


def config(namespace: str, name: str, **data: str) -> Object:
    metadata = {"namespace": namespace, "name": name}
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    return {**kind, "metadata": metadata, "data": data}


def account(cluster: Cluster, namespace: str, url: str = "", **user: str) -> Path:
    """Return a kubeconfig of a ServiceAccount that may do all in *namespace*."""
    api = cluster.api
    api.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "me"}},
        namespace,
    )
    group = "rbac.authorization.k8s.io"
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "me"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "me", "namespace": namespace}],
    }
    api.apply(binding, namespace)
    return cluster.service_account("me", namespace, url=url)


def token_of(kubeconfig: Path) -> str:
    return str(json.loads(kubeconfig.read_text())["users"][0]["user"]["token"])


def with_user(kubeconfig: Path, user: Object) -> str:
    """Return the path of a copy of *kubeconfig* with another way to be known."""
    document = json.loads(kubeconfig.read_text())
    document["users"][0]["user"] = user
    changed = kubeconfig.with_name(f"other-{time.monotonic_ns()}.kubeconfig")
    changed.write_text(json.dumps(document))
    return str(changed)
