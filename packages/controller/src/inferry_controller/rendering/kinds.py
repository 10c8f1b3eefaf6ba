"""The kinds that a cluster may lack, and what is said where it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.status import Reason
from inferry_controller.rendering.rendered import Problem

if TYPE_CHECKING:
    from inferry_controller.rendering.surroundings import Surroundings

HTTP_ROUTE = "gateway.networking.k8s.io/HTTPRoute"
SCALED_OBJECT = "keda.sh/ScaledObject"
SERVICE_MONITOR = "monitoring.coreos.com/ServiceMonitor"
POD_MONITOR = "monitoring.coreos.com/PodMonitor"
KNATIVE_SERVICE = "serving.knative.dev/Service"
VIRTUAL_SERVICE = "networking.istio.io/VirtualService"
#: ``group/Kind`` of each; `Surroundings.kinds` holds those that are served.
OPTIONAL = frozenset(
    {
        HTTP_ROUTE,
        KNATIVE_SERVICE,
        POD_MONITOR,
        SCALED_OBJECT,
        SERVICE_MONITOR,
        VIRTUAL_SERVICE,
    }
)


def is_served(kind: str, around: Surroundings) -> bool:
    """Say whether the cluster has *kind*; where nobody asked, it does."""
    return around.kinds is None or kind in around.kinds


def not_served(
    kind: str,
    path: str,
    remedy: str,
    reason: Reason = Reason.NotSupportedByBackend,
) -> Problem:
    """Return the problem of a *kind* that is needed for *path* and not there."""
    group, _, name = kind.partition("/")
    return Problem(
        path=path,
        why=f"the cluster does not serve {name} ({group})",
        reason=reason,
        remedy=remedy,
    )
