"""What ``kubectl explain`` says of a kind, of its own fields, and of its status.

Short ones: a component's stand in a definition four times, and one that is larger than
200 KB cannot be applied by kubectl without server-side apply. Fields of pods have none,
for the same reason; their text is that of ``kubectl explain pod.spec``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.api._crds.pods import Schema

#: ``Type`` or ``Type.field``, by the type that declares it, in the spelling of YAML.
DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "InferenceService": "A model that is served, and how.",
        "InferenceService.spec": "What is served: a predictor, and what is around it.",
        "InferenceServiceSpec.predictor": "The model, or a container that serves it.",
        "InferenceServiceSpec.transformer": "A container before and after the model.",
        "InferenceServiceSpec.explainer": "What answers :explain.",
        "InferenceServiceSpec.canary": "Named canaries, each with a share of requests.",
        "InferenceServiceSpec.canaryTrafficPercent": "As that of the predictor.",
        "CanarySpec.predictor": "A named predictor beside the stable one.",
        "CanarySpec.trafficPercent": "Its share of requests, per cent.",
        "PredictorSpec.name": "The name of a canary.",
        "PredictorSpec.model": "The model, for a runtime that is chosen by its format.",
        "PredictorSpec.workerSpec": "Workers of a predictor on several nodes.",
        "PredictorSpec.storageContainerName": (
            "The ClusterStorageContainer that fetches the model."
        ),
        "ModelSpec.modelFormat": "What the model is saved as; it chooses the runtime.",
        "ModelSpec.runtime": "A runtime by its name; else one that serves the format.",
        "ModelSpec.runtimeVersion": "The tag of the runtime's image.",
        "ModelSpec.storageUri": (
            "Where the model lies: s3://, gs://, https://, hf://, oci://, pvc:// …"
        ),
        "ModelSpec.storage": "A key of the Secret storage-config, and a path there.",
        "ModelSpec.protocolVersion": "v1, v2, grpc-v1 or grpc-v2.",
        "ModelSpec.confidential": "Confidential serving.",
        "ModelFormatRef.name": "Such as sklearn or onnx.",
        "ModelFormatRef.version": "The version of the format, where it matters.",
        "ComponentSpec.minReplicas": "The fewest pods; 1 where nothing is said.",
        "ComponentSpec.maxReplicas": "The most pods; above minReplicas it scales.",
        "ComponentSpec.scaleMetric": "Scales by cpu, memory, concurrency or rps.",
        "ComponentSpec.scaleTarget": "How much of scaleMetric each pod should have.",
        "ComponentSpec.scaleMetricType": "Whether scaleTarget is a share or an amount.",
        "ComponentSpec.autoScaling": "Metrics and behaviour of the autoscaler.",
        "ComponentSpec.containerConcurrency": "The most requests at once in a pod.",
        "ComponentSpec.timeout": "Seconds a request may take.",
        "ComponentSpec.canaryTrafficPercent": (
            "Per cent of requests for the newest revision; 100 promotes, 0 rolls back."
        ),
        "ComponentSpec.logger": "Where requests and answers are written to.",
        "ComponentSpec.batcher": "Merges requests into larger ones.",
        "ComponentSpec.labels": "Labels of its pods.",
        "ComponentSpec.annotations": "Annotations of its pods.",
        "ComponentSpec.deploymentStrategy": "How its Deployment replaces pods.",
        "ComponentSpec.storageUris": "Several places, each with a folder of its own.",
        "StorageUriSpec.uri": "Where it lies.",
        "StorageUriSpec.mountPath": "The folder in the container.",
        "LoggerSpec.mode": "all, request or response.",
        "LoggerSpec.url": "Where the events are sent.",
        "Batcher.maxBatchSize": "The most rows of a merged request.",
        "Batcher.maxLatency": "Milliseconds that a request waits for others.",
        "Batcher.timeout": "Seconds that a merged request may take.",
        "ServingRuntime": "What serves models of some formats, in one namespace.",
        "ServingRuntime.spec": "The formats, and what serves them.",
        "ClusterServingRuntime": "What serves models of some formats, everywhere.",
        "ClusterServingRuntime.spec": "The formats, and what serves them.",
        "ServingRuntimeSpec.supportedModelFormats": "The formats that it serves.",
        "ServingRuntimeSpec.disabled": "No service takes it any more.",
        "ServingRuntimeSpec.multiModel": "Serves many models in one server.",
        "ServingRuntimeSpec.protocolVersions": "The protocols that it speaks.",
        "SupportedModelFormat.autoSelect": "Taken where a service names no runtime.",
        "SupportedModelFormat.priority": "The highest wins among several.",
        "TrainedModel": "A model for a server of many; stored, and not served yet.",
        "TrainedModel.spec": "The model, and the service that it belongs to.",
        "InferenceGraph": "Services that call each other; stored, and not served yet.",
        "InferenceGraph.spec": "The nodes, of which root is the first.",
        "ClusterStorageContainer": "A container that fetches models of some URIs.",
        "ClusterStorageContainer.spec": "The container, and the URIs that it reads.",
        "ClusterStorageContainerSpec.supportedUriFormats": "Prefixes, or patterns.",
        "Status": "What has become of it; only the controller writes it.",
        "Status.conditions": "Ready says whether it answers, its message why not.",
        "Status.inferry": "What the controller remembers.",
        "Status.observedGeneration": "The generation of the spec that this is about.",
        "Status.url": "Where it answers.",
    }
)


def described(key: str) -> Schema:
    """Return the description of the type or field *key* as part of a schema."""
    text = DESCRIPTIONS.get(key)
    return {"description": text} if text else {}
