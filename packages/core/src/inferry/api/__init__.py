"""The kinds that Inferry reads: parse, default, validate.

`load` and `loads` do all three and report every problem at once; `default` and
`validate` do their part on documents that are already in hand.
"""

from inferry.api._crds import crds
from inferry.api._default import default
from inferry.api._graphs import (
    GraphNode,
    GraphStep,
    InferenceGraph,
    InferenceGraphSpec,
    RouterTimeouts,
)
from inferry.api._load import load, loads, to_dict
from inferry.api._meta import ObjectMeta
from inferry.api._objects import from_object
from inferry.api._problems import Loaded, Located, Origin, Problem
from inferry.api._quantities import amount as quantity
from inferry.api._shown import shown
from inferry.api._storage_containers import (
    ClusterStorageContainer,
    ClusterStorageContainerSpec,
    SupportedUriFormat,
)
from inferry.api._trained_models import (
    TrainedModel,
    TrainedModelModel,
    TrainedModelSpec,
)
from inferry.api._types import (
    LEGACY_FORMATS,
    ArtExplainer,
    AutoScalingSpec,
    Batcher,
    CanarySpec,
    ClusterServingRuntime,
    ComponentSpec,
    Confidential,
    Document,
    ExplainerSpec,
    InferenceService,
    InferenceServiceSpec,
    LoggerSpec,
    LoggerStorageSpec,
    ModelFormatRef,
    ModelSpec,
    ModelStorageSpec,
    PredictorSpec,
    ProtocolVersion,
    Secret,
    ServiceAccount,
    ServingRuntime,
    ServingRuntimeSpec,
    StorageUriSpec,
    SupportedModelFormat,
    TransformerSpec,
    WorkerSpec,
)
from inferry.api._validate import validate, validate_update

__all__ = [
    "LEGACY_FORMATS",
    "ArtExplainer",
    "AutoScalingSpec",
    "Batcher",
    "CanarySpec",
    "ClusterServingRuntime",
    "ClusterStorageContainer",
    "ClusterStorageContainerSpec",
    "ComponentSpec",
    "Confidential",
    "Document",
    "ExplainerSpec",
    "GraphNode",
    "GraphStep",
    "InferenceGraph",
    "InferenceGraphSpec",
    "InferenceService",
    "InferenceServiceSpec",
    "Loaded",
    "Located",
    "LoggerSpec",
    "LoggerStorageSpec",
    "ModelFormatRef",
    "ModelSpec",
    "ModelStorageSpec",
    "ObjectMeta",
    "Origin",
    "PredictorSpec",
    "Problem",
    "ProtocolVersion",
    "RouterTimeouts",
    "Secret",
    "ServiceAccount",
    "ServingRuntime",
    "ServingRuntimeSpec",
    "StorageUriSpec",
    "SupportedModelFormat",
    "SupportedUriFormat",
    "TrainedModel",
    "TrainedModelModel",
    "TrainedModelSpec",
    "TransformerSpec",
    "WorkerSpec",
    "crds",
    "default",
    "from_object",
    "load",
    "loads",
    "quantity",
    "shown",
    "to_dict",
    "validate",
    "validate_update",
]
