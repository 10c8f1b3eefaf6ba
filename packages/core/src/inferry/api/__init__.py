"""The kinds that Inferry reads: parse, default, validate.

`load` and `loads` do all three and report every problem at once; `default` and
`validate` do their part on documents that are already in hand.
"""

from inferry.api._default import default
from inferry.api._load import load, loads, to_dict
from inferry.api._problems import Loaded, Located, Origin, Problem
from inferry.api._shown import shown
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
    ObjectMeta,
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
    "ComponentSpec",
    "Confidential",
    "Document",
    "ExplainerSpec",
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
    "Secret",
    "ServiceAccount",
    "ServingRuntime",
    "ServingRuntimeSpec",
    "StorageUriSpec",
    "SupportedModelFormat",
    "TransformerSpec",
    "WorkerSpec",
    "default",
    "load",
    "loads",
    "shown",
    "to_dict",
    "validate",
    "validate_update",
]
