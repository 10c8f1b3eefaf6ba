"""The kinds of objects that the controller touches, and where an API server has them.

Nothing is discovered at start: what a release needs is known when it is made. A kind
whose CRD is not installed answers 404, which a reflector takes as "not here yet".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from inferry_controller.kube.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of objects: group (empty for the core one), version, names and scope."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The ``apiVersion`` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of one object, or of all where *name* is empty.

        An empty *namespace* means all of them, or that the kind has none.
        """
        root = f"/apis/{self.group}" if self.group else "/api"
        where = (
            f"/namespaces/{segment(namespace)}" if self.namespaced_in(namespace) else ""
        )
        path = f"{root}/{self.version}{where}/{self.plural}"
        if name:
            path = f"{path}/{segment(name)}"
        return f"{path}/{subresource}" if subresource else path

    def namespaced_in(self, namespace: str) -> bool:
        """Whether *namespace* is part of the path."""
        return self.namespaced and bool(namespace)


def segment(text: str) -> str:
    """Return *text* as one segment of a path.

    Raises:
        Invalid: when it would climb out of its place.
    """
    if text in {"", ".", ".."}:
        raise Invalid(f"{text!r} is no name of an object", status=400)
    return quote(text, safe="")


def _kserve(version: str, plural: str, kind: str, *, namespaced: bool = True) -> Kind:
    return Kind("serving.kserve.io", version, plural, kind, namespaced)


INFERENCE_SERVICE = _kserve("v1beta1", "inferenceservices", "InferenceService")
SERVING_RUNTIME = _kserve("v1alpha1", "servingruntimes", "ServingRuntime")
CLUSTER_SERVING_RUNTIME = _kserve(
    "v1alpha1", "clusterservingruntimes", "ClusterServingRuntime", namespaced=False
)
CLUSTER_STORAGE_CONTAINER = _kserve(
    "v1alpha1", "clusterstoragecontainers", "ClusterStorageContainer", namespaced=False
)
TRAINED_MODEL = _kserve("v1alpha1", "trainedmodels", "TrainedModel")
INFERENCE_GRAPH = _kserve("v1alpha1", "inferencegraphs", "InferenceGraph")

CONFIG_MAP = Kind("", "v1", "configmaps", "ConfigMap")
EVENT_V1 = Kind("", "v1", "events", "Event")
NAMESPACE = Kind("", "v1", "namespaces", "Namespace", namespaced=False)
NODE = Kind("", "v1", "nodes", "Node", namespaced=False)
POD = Kind("", "v1", "pods", "Pod")
SECRET = Kind("", "v1", "secrets", "Secret")
SERVICE = Kind("", "v1", "services", "Service")
SERVICE_ACCOUNT = Kind("", "v1", "serviceaccounts", "ServiceAccount")

CONTROLLER_REVISION = Kind("apps", "v1", "controllerrevisions", "ControllerRevision")
DEPLOYMENT = Kind("apps", "v1", "deployments", "Deployment")
HORIZONTAL_POD_AUTOSCALER = Kind(
    "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"
)
POD_DISRUPTION_BUDGET = Kind(
    "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"
)
EVENT = Kind("events.k8s.io", "v1", "events", "Event")
LEASE = Kind("coordination.k8s.io", "v1", "leases", "Lease")
INGRESS = Kind("networking.k8s.io", "v1", "ingresses", "Ingress")
NETWORK_POLICY = Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")

_GATEWAY = "gateway.networking.k8s.io"
GATEWAY = Kind(_GATEWAY, "v1", "gateways", "Gateway")
HTTP_ROUTE = Kind(_GATEWAY, "v1", "httproutes", "HTTPRoute")
SCALED_OBJECT = Kind("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject")
KNATIVE_SERVICE = Kind("serving.knative.dev", "v1", "services", "Service")
POD_MONITOR = Kind("monitoring.coreos.com", "v1", "podmonitors", "PodMonitor")
SERVICE_MONITOR = Kind(
    "monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor"
)

CUSTOM_RESOURCE_DEFINITION = Kind(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
)

#: Every kind above by (apiVersion, kind).
KINDS: dict[tuple[str, str], Kind] = {
    (kind.api_version, kind.kind): kind
    for kind in list(globals().values())
    if isinstance(kind, Kind)
}


def kind_of(obj: Mapping[str, Any]) -> Kind:
    """Return the kind of a document.

    Raises:
        Invalid: when it is none of those that the controller knows.
    """
    found = KINDS.get((obj.get("apiVersion", ""), obj.get("kind", "")))
    if found is None:
        message = f"{obj.get('apiVersion')} {obj.get('kind')} is not a known kind"
        raise Invalid(message, status=400)
    return found
