"""The kinds of ``serving.kserve.io`` as frozen types, in YAML spelt as by KServe.

Where KServe inlines a pod spec or a container, the fields that are not its own land
untouched in ``pod`` or ``container``, in Kubernetes' spelling; the loader checks their
names. Types say the shape; `inferry.api.validate` says the rules.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from inferry.api._graphs import InferenceGraph
from inferry.api._meta import Api, ObjectMeta
from inferry.api._storage_containers import ClusterStorageContainer
from inferry.api._trained_models import TrainedModel

ProtocolVersion = Literal["v1", "v2", "grpc-v1", "grpc-v2"]
Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]

LEGACY_FORMATS = (
    "sklearn",
    "tensorflow",
    "xgboost",
    "pytorch",
    "triton",
    "onnx",
    "huggingface",
    "pmml",
    "lightgbm",
    "paddle",
)


class ModelFormatRef(Api, frozen=True):
    """``modelFormat`` of a model."""

    name: str
    version: str | None = None


class ModelStorageSpec(Api, frozen=True):
    """KServe's ``storage``: a key of the secret, and a path below its bucket."""

    path: str | None = None
    schema_path: str | None = None
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    key: str | None = msgspec.field(default=None, name="key")


class Confidential(Api, frozen=True):
    """Confidential model serving."""

    enabled: bool = False
    resource_id: str | None = None


class ModelSpec(Api, frozen=True):
    """``model`` (and each legacy key, whose format is its name)."""

    model_format: ModelFormatRef | None = None
    runtime: str | None = None
    storage_uri: str | None = None
    runtime_version: str | None = None
    protocol_version: ProtocolVersion | None = None
    storage: ModelStorageSpec | None = None
    confidential: Confidential | None = None
    container: dict[str, Any] = msgspec.field(default_factory=dict)


class StorageUriSpec(Api, frozen=True):
    """One entry of ``storageUris``."""

    uri: str
    mount_path: str = "/mnt/models"


class LoggerStorageSpec(Api, frozen=True):
    """Where the payload logger writes objects."""

    path: str | None = None
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    key: str | None = msgspec.field(default=None, name="key")
    service_account_name: str | None = None


class LoggerSpec(Api, frozen=True):
    """The payload logger of a component."""

    url: str | None = None
    mode: Literal["all", "request", "response"] = "all"
    metadata_headers: list[str] = msgspec.field(default_factory=list)
    metadata_annotations: list[str] = msgspec.field(default_factory=list)
    storage: LoggerStorageSpec | None = None
    marshaller_url: str | None = None
    batch_size: int | None = None
    batch_interval: str | None = None


class Batcher(Api, frozen=True):
    """Adaptive batching of a component; latency in milliseconds, timeout in seconds."""

    max_batch_size: int | None = None
    max_latency: int | None = None
    timeout: int | None = None


class AutoScalingSpec(Api, frozen=True):
    """HPA and KEDA metrics, as KServe writes them."""

    metrics: list[dict[str, Any]] = msgspec.field(default_factory=list)
    behavior: dict[str, Any] | None = None


class ComponentSpec(Api, frozen=True):
    """What every component has (KServe's ComponentExtensionSpec).

    ``pod`` is the inlined pod spec, ``containers`` included.
    """

    min_replicas: int | None = None
    max_replicas: int | None = None
    scale_target: int | None = None
    scale_metric: Literal["cpu", "memory", "concurrency", "rps"] | None = None
    scale_metric_type: Literal["Utilization", "AverageValue"] | None = None
    auto_scaling: AutoScalingSpec | None = None
    container_concurrency: int | None = None
    timeout: int | None = None
    canary_traffic_percent: Percent | None = None
    logger: LoggerSpec | None = None
    batcher: Batcher | None = None
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    annotations: dict[str, str] = msgspec.field(default_factory=dict)
    deployment_strategy: dict[str, Any] | None = None
    storage_uris: list[StorageUriSpec] = msgspec.field(default_factory=list)
    pod: dict[str, Any] = msgspec.field(default_factory=dict)


class WorkerSpec(Api, frozen=True):
    """The workers of a multi-node predictor."""

    pipeline_parallel_size: int | None = None
    tensor_parallel_size: int | None = None
    pod: dict[str, Any] = msgspec.field(default_factory=dict)


class PredictorSpec(ComponentSpec, frozen=True):
    """``spec.predictor``: one implementation, a pod spec and the component's fields."""

    name: str | None = None
    model: ModelSpec | None = None
    sklearn: ModelSpec | None = None
    xgboost: ModelSpec | None = None
    tensorflow: ModelSpec | None = None
    pytorch: ModelSpec | None = None
    triton: ModelSpec | None = None
    onnx: ModelSpec | None = None
    huggingface: ModelSpec | None = None
    pmml: ModelSpec | None = None
    lightgbm: ModelSpec | None = None
    paddle: ModelSpec | None = None
    storage_container_name: str | None = None
    worker_spec: WorkerSpec | None = None


class TransformerSpec(ComponentSpec, frozen=True):
    """``spec.transformer``: ``pod['containers'][0]`` is the implementation."""


class ArtExplainer(ModelSpec, frozen=True):
    """The ART explainer."""

    type: str = ""
    config: dict[str, str] = msgspec.field(default_factory=dict)


class ExplainerSpec(ComponentSpec, frozen=True):
    """``spec.explainer``."""

    art: ArtExplainer | None = None


class CanarySpec(Api, frozen=True):
    """One named canary of KServe 0.20."""

    predictor: PredictorSpec
    traffic_percent: int


class InferenceServiceSpec(Api, frozen=True):
    """``spec`` of an InferenceService.

    ``canary`` is a list of named canaries, or the older single map with a predictor.
    """

    predictor: PredictorSpec
    transformer: TransformerSpec | None = None
    explainer: ExplainerSpec | None = None
    canary: list[CanarySpec] | PredictorSpec | None = None
    canary_traffic_percent: Percent | None = None


class InferenceService(Api, frozen=True):
    """``serving.kserve.io/v1beta1`` InferenceService."""

    metadata: ObjectMeta
    spec: InferenceServiceSpec
    api_version: str = "serving.kserve.io/v1beta1"
    kind: str = "InferenceService"


class SupportedModelFormat(Api, frozen=True):
    """One entry of ``supportedModelFormats``."""

    name: str
    version: str | None = None
    auto_select: bool = False
    priority: int | None = None


class ServingRuntimeSpec(Api, frozen=True):
    """``spec`` of both kinds of runtime; ``pod`` holds the containers."""

    supported_model_formats: list[SupportedModelFormat] = msgspec.field(
        default_factory=list
    )
    multi_model: bool = False
    disabled: bool = False
    protocol_versions: list[ProtocolVersion] = msgspec.field(default_factory=list)
    worker_spec: WorkerSpec | None = None
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    annotations: dict[str, str] = msgspec.field(default_factory=dict)
    grpc_endpoint: str | None = None
    grpc_data_endpoint: str | None = None
    http_data_endpoint: str | None = None
    replicas: int | None = None
    storage_helper: dict[str, Any] | None = None
    built_in_adapter: dict[str, Any] | None = None
    pod: dict[str, Any] = msgspec.field(default_factory=dict)


class ServingRuntime(Api, frozen=True):
    """``serving.kserve.io/v1alpha1`` ServingRuntime."""

    metadata: ObjectMeta
    spec: ServingRuntimeSpec
    api_version: str = "serving.kserve.io/v1alpha1"
    kind: str = "ServingRuntime"


class ClusterServingRuntime(Api, frozen=True):
    """``serving.kserve.io/v1alpha1`` ClusterServingRuntime; it has no namespace."""

    metadata: ObjectMeta
    spec: ServingRuntimeSpec
    api_version: str = "serving.kserve.io/v1alpha1"
    kind: str = "ClusterServingRuntime"


class Secret(Api, frozen=True):
    """Kubernetes' Secret, read for what opens a store; the repr shows no value."""

    metadata: ObjectMeta
    data: dict[str, str] = msgspec.field(default_factory=dict)
    string_data: dict[str, str] = msgspec.field(default_factory=dict)
    type: str | None = None
    immutable: bool = False
    api_version: str = "v1"
    kind: str = "Secret"

    def __repr__(self) -> str:
        where = f"{self.metadata.namespace}/{self.metadata.name}"
        return f"{type(self).__name__}({where!r}, keys={self.value_names()})"

    def value_names(self) -> list[str]:
        """Return the names of its values."""
        return sorted({*self.data, *self.string_data})


class ServiceAccount(Api, frozen=True):
    """Kubernetes' ServiceAccount, read for the secrets that it lists."""

    metadata: ObjectMeta
    secrets: list[dict[str, Any]] = msgspec.field(default_factory=list)
    image_pull_secrets: list[dict[str, Any]] = msgspec.field(default_factory=list)
    automount_service_account_token: bool | None = None
    api_version: str = "v1"
    kind: str = "ServiceAccount"


Document = (
    InferenceService
    | ServingRuntime
    | ClusterServingRuntime
    | TrainedModel
    | InferenceGraph
    | ClusterStorageContainer
    | Secret
    | ServiceAccount
)
