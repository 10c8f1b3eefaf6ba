"""What CEL says of an InferenceService, by the type that it is about."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from inferry.api._crds.cel import CUSTOM, MIN_TO_MAX, NAMED, Rule, all_env, images
from inferry.api._types import LEGACY_FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYS = ("model", *LEGACY_FORMATS)


def _present(key: str) -> str:
    """Return CEL that says whether an implementation counts.

    An empty legacy key beside a model of its own format is no second one.
    """
    if key == "model":
        return "has(self.model)"
    twin = (
        f"has(self.model) && has(self.model.modelFormat) "
        f"&& self.model.modelFormat.name == '{key}' && !has(self.{key}.storageUri)"
    )
    return f"has(self.{key}) && !({twin})"


_COUNT = f"[{', '.join(_present(key) for key in _KEYS)}].filter(x, x).size()"
_MODELLED = " || ".join(f"has(self.{key})" for key in _KEYS)
# Which model a predictor serves, for telling whether it has changed.
_URIS = " + ".join(
    f"(has(SELF.{key}) && has(SELF.{key}.storageUri) ? SELF.{key}.storageUri : '')"
    for key in _KEYS
)


def _custom_images(field: str) -> str:
    return f"{_MODELLED} || {images(field)}"


_SOURCED = " || ".join(
    f"(has(self.{key}) && has(self.{key}.storageUri))" for key in _KEYS
)
_ONE_SOURCE = Rule(
    rule=(f"!has(self.storageUris) || self.storageUris.size() == 0 || !({_SOURCED})"),
    message=(
        "Setting both StorageURI and StorageURIs is not supported; keep one of the two"
    ),
    field=".storageUris",
)
_COMPONENT = (
    MIN_TO_MAX,
    Rule(
        rule=(
            "!has(self.scaleMetric) || self.scaleMetric != 'cpu' "
            "|| !has(self.scaleTarget) || self.scaleTarget <= 100"
        ),
        message="the target utilization percentage should be a [1-100] integer",
        field=".scaleTarget",
    ),
    Rule(
        rule=(
            "!has(self.containers) || self.containers.all(c, "
            + all_env(
                "c",
                "e",
                "e.name != 'PROTOCOL' || !has(e.value) || e.value in ['v1', 'v2']",
            )
            + ")"
        ),
        message="invalid protocol in env PROTOCOL. Must be one of [v1, v2]",
        field=".containers",
    ),
)
_MOUNTS = Rule(
    rule=(
        "!has(self.storageUris) || self.storageUris.all(a, "
        "self.storageUris.exists_one(b, b.mountPath == a.mountPath))"
    ),
    message="storage paths must be unique; give each of storageUris its own mountPath",
    field=".storageUris",
)
_PREDICTOR = (
    Rule(
        rule=(
            f"{_COUNT} + ({CUSTOM} ? 1 : 0) == 1 || (has(self.containers) "
            f"&& self.containers.size() == 1 && !({_MODELLED}))"
        ),
        message=(
            "exactly one of [SKLearn, XGBoost, Tensorflow, PyTorch, Triton, ONNX, "
            "HuggingFace, PMML, LightGBM, Paddle, Model, Containers] must be specified "
            "in PredictorSpec: give it 'model' with modelFormat and storageUri, or "
            "'containers' with one named kserve-container"
        ),
    ),
    Rule(
        rule="!has(self.model) || has(self.model.modelFormat)",
        message="modelFormat is required, for example 'modelFormat: {name: sklearn}'",
        field=".model",
    ),
    Rule(
        rule=_custom_images("containers"),
        message="image is required: no runtime supplies one to a custom container",
        field=".containers",
    ),
    Rule(
        rule=(
            "!has(self.containers) || self.containers.all(c, "
            "c.name != 'transformer-container' || "
            f"{all_env('c', 'e', 'e.name != ' + repr('STORAGE_URI'))})"
        ),
        message=(
            "storage uri should not be specified in transformer container; set "
            "STORAGE_URI in kserve-container"
        ),
        field=".containers",
    ),
    Rule(
        rule=(
            "!has(self.workerSpec) || !has(self.model) || "
            + all_env(
                "self.model",
                "e",
                "!(e.name in ['PIPELINE_PARALLEL_SIZE', 'TENSOR_PARALLEL_SIZE'])",
            )
        ),
        message=(
            "setting PIPELINE_PARALLEL_SIZE or TENSOR_PARALLEL_SIZE in environment "
            "variables is not allowed; write workerSpec.pipelineParallelSize and "
            "workerSpec.tensorParallelSize"
        ),
        field=".model",
    ),
    Rule(
        rule=(
            "!has(self.workerSpec) || !has(self.model) || (has(self.model.storageUri) "
            "&& (self.model.storageUri.startsWith('pvc://') "
            "|| self.model.storageUri.startsWith('oci')))"
        ),
        message=(
            "StorageURI must be set for multinode enabled, and multinode only supports "
            "'pvc' and 'oci' Storage Protocol"
        ),
        field=".model",
    ),
    _ONE_SOURCE,
)
"""Rules that hold for a predictor wherever it stands, canaries included."""

_CANARY_FIXED = ("maxReplicas", "scaleTarget", "scaleMetric", "autoScaling")
_CANARY = (
    Rule(
        rule="has(self.predictor.name)",
        message="predictor.name is required: it names the canary's deployment",
        field=".predictor",
    ),
    Rule(
        rule="!has(self.predictor.workerSpec)",
        message="a canary must not set workerSpec: it runs on one node",
        field=".predictor.workerSpec",
    ),
    Rule(
        rule=" && ".join(f"!has(self.predictor.{name})" for name in _CANARY_FIXED),
        message=(
            "a canary must not set maxReplicas, scaleTarget, scaleMetric or "
            "autoScaling: canary uses fixed replicas"
        ),
        field=".predictor",
    ),
    Rule(
        rule="!has(self.predictor.canaryTrafficPercent)",
        message="canaryTrafficPercent has no meaning in a canary; set trafficPercent",
        field=".predictor.canaryTrafficPercent",
    ),
)
_SERVICE_SPEC = (
    Rule(
        rule=(
            "has(self.predictor.name) == has(oldSelf.predictor.name) "
            "&& (!has(self.predictor.name) "
            "|| self.predictor.name == oldSelf.predictor.name) || "
            f"{_URIS.replace('SELF', 'self.predictor')} != "
            f"{_URIS.replace('SELF', 'oldSelf.predictor')}"
        ),
        message="predictor.name change requires a model change (e.g. storageUri)",
        field=".predictor",
    ),
    Rule(
        rule=("!has(self.canary) || self.canary.map(c, c.trafficPercent).sum() <= 100"),
        message="sum of canary trafficPercent values must be <= 100",
        field=".canary",
    ),
    Rule(
        rule=(
            "!has(self.canary) || self.canary.all(c, !has(c.predictor.name) || ("
            "self.canary.exists_one(o, has(o.predictor.name) "
            "&& o.predictor.name == c.predictor.name) "
            "&& (!has(self.predictor.name) "
            "|| self.predictor.name != c.predictor.name)))"
        ),
        message=(
            "canary predictor.name is duplicated or conflicts with stable predictor "
            "name; give each a name of its own"
        ),
        field=".canary",
    ),
    Rule(
        rule=(
            "!has(self.canary) || self.canary.all(c, !has(c.predictor.minReplicas) || "
            "c.predictor.minReplicas <= (has(self.predictor.minReplicas) "
            "? self.predictor.minReplicas : 1))"
        ),
        message=(
            "canary minReplicas must not exceed stable predictor minReplicas (1 where "
            "it is not set)"
        ),
        field=".canary",
    ),
    Rule(
        rule=(
            "!has(self.canary) || self.canary.size() == 0 || "
            "(!has(self.canaryTrafficPercent) "
            "&& !has(self.predictor.canaryTrafficPercent))"
        ),
        message=(
            "canaryTrafficPercent cannot stand beside a list of canaries; each has "
            "its trafficPercent"
        ),
        field=".canary",
    ),
)
_LONGEST = (
    "size(self.metadata.name) + (has(self.spec.transformer) ? 12 : 10) <= 63 && "
    "(!has(self.spec.predictor.name) || "
    "size(self.metadata.name) + size(self.spec.predictor.name) + 11 <= 63) && "
    "(!has(self.spec.canary) || self.spec.canary.all(c, !has(c.predictor.name) || "
    "size(self.metadata.name) + size(c.predictor.name) + 11 <= 63))"
)
_MODEL = (
    Rule(
        rule="!has(self.name) || self.name == ''",
        message=(
            "the 'name' field is not allowed in standard predictor: the container is "
            "always kserve-container"
        ),
        field=".name",
    ),
    Rule(
        rule=(
            "!has(self.storageUri) || !has(self.storage) || !has(self.storage.path) "
            "|| self.storageUri == '' || self.storage.path == ''"
        ),
        message="must provide only one of storageUri and storage.path",
        field=".storage",
    ),
    Rule(
        rule=(
            "!has(self.confidential) || !has(self.confidential.enabled) "
            "|| !self.confidential.enabled || has(self.storageUri)"
        ),
        message="confidential model serving requires storageUri to be set",
        field=".confidential",
    ),
)
_CONTAINED = Rule(
    rule="has(self.containers) && self.containers.size() > 0",
    message=(
        "exactly one of [PodSpec, ComponentExtensionSpec] must be specified in "
        "TransformerSpec: give it 'containers'"
    ),
)
#: By the name of the type; a type has its ancestors' rules too.
SERVICE_RULES: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        "InferenceService": (
            NAMED,
            Rule(
                rule=_LONGEST,
                message=(
                    "the name is too long: with '-predictor' or '-transformer' (and "
                    "predictor.name) it must have at most 63 characters"
                ),
                field=".metadata.name",
            ),
        ),
        "InferenceServiceSpec": _SERVICE_SPEC,
        "ComponentSpec": (*_COMPONENT, _MOUNTS),
        "PredictorSpec": _PREDICTOR,
        "CanarySpec": _CANARY,
        "TransformerSpec": (
            _CONTAINED,
            Rule(
                rule=images("containers"),
                message="image is required: no runtime supplies one here",
                field=".containers",
            ),
        ),
        "ExplainerSpec": (
            Rule(
                rule=(
                    "has(self.art) != (has(self.containers) "
                    "&& self.containers.size() > 0)"
                ),
                message=(
                    "exactly one of [ART, PodSpec, ComponentExtensionSpec] must be "
                    "specified in ExplainerSpec: give it 'art' or 'containers'"
                ),
            ),
            Rule(
                rule=images("containers"),
                message="image is required: no runtime supplies one here",
                field=".containers",
            ),
        ),
        "ModelSpec": _MODEL,
        "StorageUriSpec": (
            Rule(
                rule="!self.mountPath.split('/').exists(part, part == '..')",
                message="storage path cannot contain '..' for security reasons",
                field=".mountPath",
            ),
            Rule(
                rule="self.mountPath.split('/').exists(part, part != '')",
                message=(
                    "storage path cannot be empty; mount below '/', such as /mnt/models"
                ),
                field=".mountPath",
            ),
        ),
        "LoggerSpec": (
            Rule(
                rule=(
                    "!has(self.storage) || (has(self.storage.path) "
                    "&& has(self.storage.parameters) && has(self.storage.key))"
                ),
                message=(
                    "invalid logger storage configuration: path, parameters and key "
                    "are needed together"
                ),
                field=".storage",
            ),
        ),
        "WorkerSpec": (
            Rule(
                rule="!has(self.containers) || self.containers.size() <= 1",
                message="setting multiple containers in workerSpec is not allowed",
                field=".containers",
            ),
        ),
    }
)
