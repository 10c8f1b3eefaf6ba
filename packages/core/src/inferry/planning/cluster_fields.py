"""What a cluster does not do with the fields of an InferenceService, in each mode.

Every other field is honoured there. What depends on more than the field (an HPA that
knows no ``rps``, a cluster without KEDA, an Ingress without weights, a server that is
not ours) is for rendering to say, which sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from inferry.planning.fields import HONOURED, Action, Treatment, When

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ClusterTreatment:
    """What each mode does with a field, and why where it does not honour it."""

    standard: Action
    knative: Action
    why: str
    when: When = ""

    def on(self, mode: str) -> Treatment:
        """Return what *mode* does."""
        action = self.knative if mode == "Knative" else self.standard
        return (
            HONOURED if action == "honoured" else Treatment(action, self.why, self.when)
        )


def _both(action: Action, why: str, when: When = "") -> ClusterTreatment:
    return ClusterTreatment(action, action, why, when)


def _knative(action: Action, why: str, when: When = "") -> ClusterTreatment:
    return ClusterTreatment("honoured", action, why, when)


def _standard(action: Action, why: str, when: When = "") -> ClusterTreatment:
    return ClusterTreatment(action, "honoured", why, when)


_SEVERAL_NODES = "a predictor on several nodes is not rendered"
_NO_ART = (
    "the image of the ART explainer is not ours; write its container into containers"
)
_NOT_IN_TEMPLATE = "Kubernetes does not take it for pods that are kept running"
_NO_LOCAL_MODELS = "models are not kept on nodes ahead of time"

#: ``Type.field``, ``pod.field``, ``container.field`` or an annotation.
CLUSTER: Mapping[str, ClusterTreatment] = MappingProxyType(
    {
        "InferenceServiceSpec.canary": _knative(
            "refused",
            "named canaries need the mode Standard; use canaryTrafficPercent",
        ),
        "PredictorSpec.workerSpec": _both("refused", _SEVERAL_NODES),
        "ExplainerSpec.art": _both("refused", _NO_ART),
        "ComponentSpec.scaleMetricType": _knative(
            "reported", "Knative knows one type for each metric"
        ),
        "ComponentSpec.autoScaling": _knative(
            "reported", "Knative scales by scaleMetric and scaleTarget"
        ),
        "ComponentSpec.deploymentStrategy": _knative(
            "refused",
            "customizing deploymentStrategy is only supported in the mode Standard; "
            "Knative rolls out in its own way",
        ),
        "Batcher.timeout": _both(
            "reported",
            "a request has the time of the component's timeout, batched or not",
        ),
        "LoggerSpec.marshallerUrl": _both(
            "reported", "the server writes the payloads itself, no marshaller is asked"
        ),
        "ModelStorageSpec.schemaPath": _both("reported", "no runtime here reads it"),
        "pod.activeDeadlineSeconds": _both("refused", _NOT_IN_TEMPLATE),
        "pod.ephemeralContainers": _both("refused", _NOT_IN_TEMPLATE),
        "serving.kserve.io/enable-auth": _both(
            "reported", "no proxy that authenticates is put before the server"
        ),
        "serving.kserve.io/enable-tag-routing": _standard(
            "reported", "each canary has a Service of its own to be reached at"
        ),
        "serving.kserve.io/enable-metric-aggregation": _both(
            "reported", "the server's own metrics are all that there is to scrape"
        ),
        "serving.kserve.io/nodegroup": _both("reported", _NO_LOCAL_MODELS),
        "serving.kserve.io/storage-initializer-uid": _both(
            "reported", "the initializer runs as the pod's user"
        ),
    }
)


def on_cluster(key: str, mode: str) -> Treatment:
    """Return what a cluster does in *mode* with the field or annotation *key*."""
    found = CLUSTER.get(key)
    return HONOURED if found is None else found.on(mode)
