"""What the local backend does with every field of an InferenceService.

No field is ignored in silence: each one takes effect (``honoured``), or is named as
without effect (``reported``), or the service is turned away (``refused``). A test walks
the types and fails for a field that this table does not hold.

`inferry.planning.cluster_fields` says the same of clusters.

A field is known by the type that declares it, so ``ComponentSpec.timeout`` stands for
the timeout of predictor, transformer, explainer and canaries alike. Pod and container
fields, which pass through untouched, have tables of their own by Kubernetes' name.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Action = Literal["honoured", "reported", "refused"]
Mode = Literal["Standard", "Knative"]
When = Literal["", "above-minimum", "concurrency or rps", "true", "zero"]


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done with a field, and why.

    ``when`` says for which values the action applies; the others are honoured:
    ``above-minimum`` (more than minReplicas), ``concurrency or rps``, ``true``,
    ``zero``.
    """

    action: Action = "honoured"
    why: str = ""
    when: When = ""


HONOURED = Treatment()
_HONOURED = HONOURED
_NO_SCALING = (
    "the local backend keeps the number of replicas at minReplicas (there is no "
    "autoscaling yet)"
)
_NO_CONTAINERS = "the local backend starts no containers; apply it to a cluster"
_API_SERVER = "the API server of a cluster writes it"
_ONE_MACHINE = "there is one machine to run on"
_NO_CREDENTIALS = "credentials come from the settings and the environment of this user"
_SEVERAL_NODES = "a predictor on several nodes needs a cluster"


def _reported(why: str, when: When = "") -> Treatment:
    return Treatment("reported", why, when)


def _refused(why: str, when: When = "") -> Treatment:
    return Treatment("refused", why, when)


#: ``Type.field``, in the spelling of the documents.
FIELDS: Mapping[str, Treatment] = MappingProxyType(
    {
        "InferenceService.apiVersion": _HONOURED,
        "InferenceService.kind": _HONOURED,
        "InferenceService.metadata": _HONOURED,
        "InferenceService.spec": _HONOURED,
        "ObjectMeta.name": _HONOURED,
        "ObjectMeta.namespace": _HONOURED,
        "ObjectMeta.labels": _HONOURED,
        "ObjectMeta.annotations": _HONOURED,
        "ObjectMeta.generateName": _reported("a service is known by metadata.name"),
        # What an exported object carries along: it asks for nothing.
        "ObjectMeta.generation": Treatment(why=_API_SERVER),
        "ObjectMeta.resourceVersion": Treatment(why=_API_SERVER),
        "ObjectMeta.uid": Treatment(why=_API_SERVER),
        "ObjectMeta.creationTimestamp": Treatment(why=_API_SERVER),
        "ObjectMeta.deletionTimestamp": _reported(_API_SERVER),
        "ObjectMeta.managedFields": Treatment(why=_API_SERVER),
        "ObjectMeta.finalizers": _reported("there is no controller to wait for"),
        "ObjectMeta.ownerReferences": _reported("there are no other objects"),
        "InferenceServiceSpec.predictor": _HONOURED,
        "InferenceServiceSpec.transformer": _refused(_NO_CONTAINERS),
        "InferenceServiceSpec.explainer": _refused(_NO_CONTAINERS),
        "InferenceServiceSpec.canary": _HONOURED,
        "InferenceServiceSpec.canaryTrafficPercent": _HONOURED,
        "CanarySpec.predictor": _HONOURED,
        "CanarySpec.trafficPercent": _HONOURED,
        "PredictorSpec.name": _HONOURED,
        "PredictorSpec.model": _HONOURED,
        # Legacy keys: read as `model` with their name as format.
        "PredictorSpec.sklearn": _HONOURED,
        "PredictorSpec.xgboost": _HONOURED,
        "PredictorSpec.tensorflow": _HONOURED,
        "PredictorSpec.pytorch": _HONOURED,
        "PredictorSpec.triton": _HONOURED,
        "PredictorSpec.onnx": _HONOURED,
        "PredictorSpec.huggingface": _HONOURED,
        "PredictorSpec.pmml": _HONOURED,
        "PredictorSpec.lightgbm": _HONOURED,
        "PredictorSpec.paddle": _HONOURED,
        "PredictorSpec.storageContainerName": _reported(
            "a storage plugin reads the model, no container"
        ),
        "PredictorSpec.workerSpec": _refused(_SEVERAL_NODES),
        "WorkerSpec.pipelineParallelSize": _refused(_SEVERAL_NODES),
        "WorkerSpec.tensorParallelSize": _refused(_SEVERAL_NODES),
        "WorkerSpec.pod": _refused(_SEVERAL_NODES),
        "ExplainerSpec.art": _refused(_NO_CONTAINERS),
        "ArtExplainer.type": _refused(_NO_CONTAINERS),
        "ArtExplainer.config": _refused(_NO_CONTAINERS),
        "ComponentSpec.minReplicas": _reported(
            "the local backend keeps one replica (it does not scale to zero yet)",
            "zero",
        ),
        "ComponentSpec.maxReplicas": _reported(_NO_SCALING, "above-minimum"),
        "ComponentSpec.scaleTarget": _reported(_NO_SCALING),
        "ComponentSpec.scaleMetric": _reported(_NO_SCALING),
        "ComponentSpec.scaleMetricType": _reported(_NO_SCALING),
        "ComponentSpec.autoScaling": _reported(_NO_SCALING),
        "AutoScalingSpec.metrics": _reported(_NO_SCALING),
        "AutoScalingSpec.behavior": _reported(_NO_SCALING),
        "ComponentSpec.containerConcurrency": _HONOURED,
        "ComponentSpec.timeout": _HONOURED,
        "ComponentSpec.canaryTrafficPercent": _HONOURED,
        "ComponentSpec.logger": _HONOURED,
        "ComponentSpec.batcher": _HONOURED,
        "Batcher.maxBatchSize": _HONOURED,
        "Batcher.maxLatency": _HONOURED,
        "Batcher.timeout": _reported(
            "a request has the time of the predictor's timeout, batched or not"
        ),
        "LoggerSpec.url": _HONOURED,
        "LoggerSpec.mode": _HONOURED,
        "LoggerSpec.metadataHeaders": _HONOURED,
        "LoggerSpec.metadataAnnotations": _HONOURED,
        "LoggerSpec.storage": _HONOURED,
        "LoggerSpec.marshallerUrl": _reported(
            "the server writes the payloads itself, no marshaller is asked"
        ),
        "LoggerSpec.batchSize": _HONOURED,
        "LoggerSpec.batchInterval": _HONOURED,
        "LoggerStorageSpec.path": _HONOURED,
        "LoggerStorageSpec.parameters": _HONOURED,
        "LoggerStorageSpec.key": _reported(_NO_CREDENTIALS),
        "LoggerStorageSpec.serviceAccountName": _reported(_NO_CREDENTIALS),
        "ComponentSpec.labels": _HONOURED,
        "ComponentSpec.annotations": _HONOURED,
        "ComponentSpec.deploymentStrategy": _reported(
            "a change always starts beside the old revision and then replaces it"
        ),
        "ComponentSpec.storageUris": _HONOURED,
        "ComponentSpec.pod": _HONOURED,
        "StorageUriSpec.uri": _HONOURED,
        "StorageUriSpec.mountPath": _HONOURED,
        "ModelSpec.modelFormat": _HONOURED,
        "ModelSpec.runtime": _HONOURED,
        "ModelSpec.storageUri": _HONOURED,
        "ModelSpec.runtimeVersion": _reported(
            "the installed plugin serves the model, not an image of that version"
        ),
        "ModelSpec.protocolVersion": _HONOURED,
        "ModelSpec.storage": _HONOURED,
        "ModelSpec.confidential": _HONOURED,
        "ModelSpec.container": _HONOURED,
        "ModelFormatRef.name": _HONOURED,
        "ModelFormatRef.version": _HONOURED,
        "ModelStorageSpec.path": _HONOURED,
        "ModelStorageSpec.parameters": _HONOURED,
        "ModelStorageSpec.schemaPath": _reported("no runtime here reads it"),
        "ModelStorageSpec.key": _HONOURED,
        "Confidential.enabled": _refused(
            "the local backend cannot decrypt a confidential model", "true"
        ),
        "Confidential.resourceId": _HONOURED,
    }
)

_POD_DEFAULT = _reported("it belongs to a pod, and nothing here runs in one")
#: The inlined pod spec, by Kubernetes' names; ``*`` is every other field.
POD_FIELDS: Mapping[str, Treatment] = MappingProxyType(
    {
        "*": _POD_DEFAULT,
        "affinity": _reported(_ONE_MACHINE),
        "automountServiceAccountToken": _reported("nothing here calls an API server"),
        "containers": _refused(_NO_CONTAINERS),
        "imagePullSecrets": _HONOURED,
        "initContainers": _refused(_NO_CONTAINERS),
        "nodeName": _reported(_ONE_MACHINE),
        "nodeSelector": _reported(_ONE_MACHINE),
        "serviceAccountName": _HONOURED,
        "tolerations": _reported(_ONE_MACHINE),
        "topologySpreadConstraints": _reported(_ONE_MACHINE),
        "volumes": _reported(
            "there are no volumes; the model's files are used in place"
        ),
    }
)

_PROBE = _reported("the model server's own readiness is used")
#: The inlined container of a model.
CONTAINER_FIELDS: Mapping[str, Treatment] = MappingProxyType(
    {
        "*": _reported("it belongs to a container, and nothing here runs in one"),
        "args": _HONOURED,
        "command": _refused(_NO_CONTAINERS),
        "env": _HONOURED,
        "envFrom": _reported(
            "ConfigMaps are not read, Secrets for storage alone; use env"
        ),
        "image": _reported("the installed plugin serves the model, not an image"),
        "livenessProbe": _PROBE,
        "name": _HONOURED,
        "ports": _reported("each replica listens on a free port of its own"),
        "readinessProbe": _PROBE,
        "resources": _reported("the replica may use what the machine has"),
        "startupProbe": _PROBE,
    }
)

#: An entry of ``env`` whose value comes from another object.
ENV_VALUE_FROM = _reported(
    "ConfigMaps and pods are not read, Secrets for storage alone; give the value"
)
#: An entry of ``env`` that is a setting, such as which code is trusted.
ENV_SETTING = _reported("INFERRY_ variables are for whoever runs it, not for a service")
#: A GPU in ``resources``.
GPU = _reported("GPUs are not assigned to replicas; each one sees all of them")
#: An annotation of KServe or Knative that ``ANNOTATIONS`` does not name.
ANNOTATION = _reported("the annotation means something only on a cluster")
#: The annotations that take effect everywhere.
ANNOTATIONS: Mapping[str, Treatment] = MappingProxyType(
    {
        "serving.kserve.io/autoscalerClass": _reported(_NO_SCALING),
        "serving.kserve.io/deploymentMode": Treatment(why="there is one mode"),
        "serving.kserve.io/secretName": _HONOURED,
        "serving.kserve.io/stop": _HONOURED,
        "serving.kserve.io/storageSecretName": _HONOURED,
    }
)
#: A flag of KServe's model server, in a model's args.
SERVER_FLAG = _reported("the local backend sets it by itself")
HONOURED_FLAGS = frozenset({"model_name"})
