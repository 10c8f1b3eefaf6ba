"""The kinds of children, by what the facts call them, and those that may be absent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.kube import kinds
from inferry_controller.kube.kinds import Kind
from inferry_controller.observing import KNATIVE

if TYPE_CHECKING:
    from collections.abc import Mapping

_ISTIO = "networking.istio.io"
VIRTUAL_SERVICE = Kind(_ISTIO, "v1beta1", "virtualservices", "VirtualService")
#: What a service may own, by the name that facts use.
CHILDREN: dict[str, Kind] = {
    "Deployment": kinds.DEPLOYMENT,
    "Service": kinds.SERVICE,
    "HorizontalPodAutoscaler": kinds.HORIZONTAL_POD_AUTOSCALER,
    "PodDisruptionBudget": kinds.POD_DISRUPTION_BUDGET,
    "Ingress": kinds.INGRESS,
    "NetworkPolicy": kinds.NETWORK_POLICY,
    "HTTPRoute": kinds.HTTP_ROUTE,
    "ScaledObject": kinds.SCALED_OBJECT,
    KNATIVE: kinds.KNATIVE_SERVICE,
    "VirtualService": VIRTUAL_SERVICE,
    "ServiceMonitor": kinds.SERVICE_MONITOR,
    "PodMonitor": kinds.POD_MONITOR,
}
#: Those that a cluster may not serve, now or yet.
OPTIONAL = frozenset(
    {
        "HTTPRoute",
        "ScaledObject",
        KNATIVE,
        "VirtualService",
        "ServiceMonitor",
        "PodMonitor",
    }
)
#: What answers requests: it goes only after the routes have let go of it.
SERVING = frozenset({"Deployment", "Service", KNATIVE})
#: What leads requests to it.
ROUTES = frozenset({"HTTPRoute", "Ingress", "VirtualService"})


def child_kind(obj: Mapping[str, Any]) -> str:
    """Return what the facts call the kind of *obj*."""
    group = str(obj.get("apiVersion", "")).partition("/")[0]
    knative = group == kinds.KNATIVE_SERVICE.group and obj["kind"] == "Service"
    return KNATIVE if knative else str(obj["kind"])
