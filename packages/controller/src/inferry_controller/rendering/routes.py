"""HTTPRoutes: how requests from outside reach the components of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.rendered import KubernetesObject

API_VERSION = "gateway.networking.k8s.io/v1"


def http_route(
    metadata: dict[str, Any],
    hostnames: Sequence[str],
    rules: Sequence[dict[str, Any]],
    options: RenderOptions,
) -> KubernetesObject:
    """Return an HTTPRoute of *hostnames* at the Gateway of the settings."""
    namespace, _, name = options.gateway.partition("/")
    return {
        "apiVersion": API_VERSION,
        "kind": "HTTPRoute",
        "metadata": metadata,
        "spec": {
            "parentRefs": [
                {
                    "group": "gateway.networking.k8s.io",
                    "kind": "Gateway",
                    "name": name,
                    "namespace": namespace,
                }
            ],
            "hostnames": list(hostnames),
            "rules": list(rules),
        },
    }
