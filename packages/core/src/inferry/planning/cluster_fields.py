"""What a cluster does not do with the fields of an InferenceService, in each mode.

Every other field is honoured there. What depends on more than the field (an HPA that
knows no ``rps``, a cluster without KEDA, an Ingress without weights, a server that is
not ours) is for rendering to say, which sees it; some of it has a row here, too, for
whoever reads the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from inferry.planning.fields import HONOURED, Action, Treatment, When

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTreatment:
    """What each mode does with a field, and why where it does not honour it.

    ``by_rendering`` says that a plan leaves it to rendering to tell.
    """

    standard: Action = "honoured"
    knative: Action = "honoured"
    why: str
    when: When = ""
    by_rendering: bool = False

    def on(self, mode: str) -> Treatment:
        """Return what *mode* does."""
        action = self.knative if mode == "Knative" else self.standard
        if action == "honoured":
            return HONOURED
        return Treatment(action, self.why, self.when)


def _both(
    action: Action, why: str, when: When = "", *, by_rendering: bool = False
) -> ClusterTreatment:
    return ClusterTreatment(
        standard=action, knative=action, why=why, when=when, by_rendering=by_rendering
    )


def _knative(action: Action, why: str) -> ClusterTreatment:
    return ClusterTreatment(knative=action, why=why)


_SEVERAL_NODES = "a predictor on several nodes is not rendered"
_NO_ART = (
    "the image of the ART explainer is not ours; write its container into containers"
)
_KPA = "Knative scales by scaleMetric and scaleTarget"
_OWN_RIGHTS = "the server writes payloads with the rights of its pod"
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
        "WorkerSpec.pipelineParallelSize": _both("refused", _SEVERAL_NODES),
        "WorkerSpec.tensorParallelSize": _both("refused", _SEVERAL_NODES),
        "WorkerSpec.pod": _both("refused", _SEVERAL_NODES),
        "ExplainerSpec.art": _both("refused", _NO_ART),
        "ArtExplainer.type": _both("refused", _NO_ART),
        "ArtExplainer.config": _both("refused", _NO_ART),
        "ComponentSpec.minReplicas": ClusterTreatment(
            standard="reported",
            why="an HPA keeps one replica; KEDA with a query scales to zero",
            when="zero",
            by_rendering=True,
        ),
        "ComponentSpec.scaleMetric": ClusterTreatment(
            standard="reported",
            why="an HPA knows cpu and memory, and neither concurrency nor rps",
            when="concurrency or rps",
            by_rendering=True,
        ),
        "ComponentSpec.scaleMetricType": _knative(
            "reported", "Knative knows one type for each metric"
        ),
        "ComponentSpec.autoScaling": _knative("reported", _KPA),
        "AutoScalingSpec.metrics": _knative("reported", _KPA),
        "AutoScalingSpec.behavior": _knative("reported", _KPA),
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
        "LoggerSpec.metadataAnnotations": _both(
            "reported", "the server of a pod does not read them", by_rendering=True
        ),
        "LoggerStorageSpec.key": _both("reported", _OWN_RIGHTS, by_rendering=True),
        "LoggerStorageSpec.serviceAccountName": _both(
            "reported", _OWN_RIGHTS, by_rendering=True
        ),
        "Confidential.enabled": _both(
            "refused",
            "our storage initializer does not decrypt; name a container that does",
            "true",
            by_rendering=True,
        ),
        "ModelStorageSpec.schemaPath": _both("reported", "no runtime here reads it"),
        "pod.activeDeadlineSeconds": _both("refused", _NOT_IN_TEMPLATE),
        "pod.ephemeralContainers": _both("refused", _NOT_IN_TEMPLATE),
        "serving.kserve.io/enable-auth": _both(
            "reported", "no proxy that authenticates is put before the server"
        ),
        "serving.kserve.io/enable-tag-routing": ClusterTreatment(
            standard="reported",
            why="each canary has a Service of its own to be reached at",
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
    """Return what a plan tells of the field or annotation *key* in *mode*."""
    found = CLUSTER.get(key)
    if found is None or found.by_rendering:
        return HONOURED
    return found.on(mode)
