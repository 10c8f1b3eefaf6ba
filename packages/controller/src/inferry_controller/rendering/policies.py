"""PodDisruptionBudgets and NetworkPolicies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.names import (
    APP_LABEL,
    COMPONENT_LABEL,
    SERVICE_LABEL,
    app_label,
    component_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry_controller.rendering.parts import Part, Scene
    from inferry_controller.rendering.rendered import KubernetesObject

_NAMESPACE_LABEL = "kubernetes.io/metadata.name"


def disruption_budget(scene: Scene, part: Part) -> KubernetesObject:
    """Return the budget of *part*: a drain takes one pod at a time.

    Pods that are not ready may go, so that a service that fails keeps no node.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": scene.metadata(part.name, part),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": {APP_LABEL: app_label(part.name)}},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def network_policies(scene: Scene) -> Iterator[KubernetesObject]:
    """Yield a policy for each component: who may call it, and on which ports.

    Those are the pods of its own namespace and of the Gateway's. What goes out stays
    open: models, payload logs and the ports of a name service are wherever the user has
    them, and a policy that guesses breaks a service without a word.
    """
    for part in scene.main:
        name = component_name(scene.plan.name, part.kind)
        labels = {SERVICE_LABEL: scene.plan.name, COMPONENT_LABEL: part.kind}
        yield {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": scene.metadata(name, part),
            "spec": {
                "podSelector": {"matchLabels": labels},
                "policyTypes": ["Ingress"],
                "ingress": [
                    {
                        "from": [{"podSelector": {}}, _outside(scene)],
                        "ports": _ports(scene, part),
                    }
                ],
            },
        }


def _outside(scene: Scene) -> dict[str, Any]:
    """Return where the proxies are; an Ingress does not say where they run."""
    if scene.options.ingress != "gateway":
        return {"namespaceSelector": {}}
    namespace = scene.options.gateway.rpartition("/")[0] or scene.plan.namespace
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: namespace}}}


def _ports(scene: Scene, part: Part) -> list[dict[str, Any]]:
    """Return the ports of the pods of a component, in all of its placements."""
    numbers = {
        (port["targetPort"], port["protocol"]): None
        for each in scene.live
        if each.kind == part.kind
        for port in each.ports
    }
    return [{"port": number, "protocol": protocol} for number, protocol in numbers]
