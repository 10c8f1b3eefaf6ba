"""What narrows single fields: bounds, lengths and patterns, beside what types say."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from inferry.api._limits import ITEMS, TEXTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.api._crds.pods import Schema

_NAME = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
_AT_LEAST_0: Schema = {"minimum": 0}
_AT_LEAST_1: Schema = {"minimum": 1}
#: ``Type.field``, by the type that declares the field, in the spelling of the YAML.
_BOUNDS: Mapping[str, Schema] = MappingProxyType(
    {
        "Batcher.maxBatchSize": _AT_LEAST_1,
        "Batcher.maxLatency": _AT_LEAST_0,
        "Batcher.timeout": _AT_LEAST_1,
        "CanarySpec.trafficPercent": {"minimum": 0, "maximum": 100},
        "ComponentSpec.containerConcurrency": _AT_LEAST_0,
        "ComponentSpec.maxReplicas": _AT_LEAST_0,
        "ComponentSpec.minReplicas": _AT_LEAST_0,
        "ComponentSpec.scaleTarget": _AT_LEAST_1,
        "ComponentSpec.timeout": _AT_LEAST_1,
        "ClusterStorageContainerSpec.supportedUriFormats": {"minItems": 1},
        "Confidential.resourceId": {"pattern": "^(kbs:///[^/]+/[^/]+/[^/]+)?$"},
        "GraphNode.steps": {"minItems": 1},
        "GraphStep.weight": {"minimum": 0, "maximum": 100},
        "InferenceGraphSpec.maxReplicas": _AT_LEAST_0,
        "InferenceGraphSpec.minReplicas": _AT_LEAST_0,
        "InferenceGraphSpec.scaleTarget": _AT_LEAST_1,
        "InferenceGraphSpec.timeout": _AT_LEAST_1,
        "LoggerSpec.batchSize": _AT_LEAST_1,
        "PredictorSpec.name": {"pattern": _NAME, "maxLength": 63},
        "RouterTimeouts.serverIdle": _AT_LEAST_0,
        "RouterTimeouts.serverRead": _AT_LEAST_0,
        "RouterTimeouts.serverWrite": _AT_LEAST_0,
        "RouterTimeouts.serviceClient": _AT_LEAST_0,
        "StorageUriSpec.mountPath": {"pattern": "^/.*", "default": "/mnt/models"},
        "StorageUriSpec.uri": {"minLength": 1},
        "SupportedModelFormat.priority": _AT_LEAST_1,
        # Both spellings of a quantity, so that a rule can compare it.
        "TrainedModelModel.memory": {"x-kubernetes-int-or-string": True},
        "WorkerSpec.pipelineParallelSize": _AT_LEAST_1,
        "WorkerSpec.tensorParallelSize": _AT_LEAST_1,
    }
)


def narrowed(key: str, found: Schema) -> Schema:
    """Return the schema *found* of the field *key* with what narrows it."""
    name = key.rpartition(".")[2]
    if found.get("type") == "array" and name in ITEMS:
        found["maxItems"] = ITEMS[name]
    if found.get("type") == "object" and name in ITEMS:
        found["maxProperties"] = ITEMS[name]
    if found.get("type") == "string" and name in TEXTS:
        found["maxLength"] = TEXTS[name]
    return found | _BOUNDS.get(key, {})
