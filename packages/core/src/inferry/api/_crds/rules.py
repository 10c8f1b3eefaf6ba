"""The rules that CEL can say, by the type that they are about.

Each says what the loader says, in KServe's words where it has some, and what to do.
A rule may let pass what the loader refuses, never the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from inferry.api._types import LEGACY_FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: CEL that must be true of the object, and what to say if it is not.

    ``expression`` is CEL that makes the message, where it names what was found;
    ``field`` is the path, below the object, that the message is about.
    """

    rule: str
    message: str
    expression: str = ""
    field: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the rule as Kubernetes spells it."""
        plain = {"rule": self.rule, "message": self.message}
        if self.expression:
            plain["messageExpression"] = self.expression
        if self.field:
            plain["fieldPath"] = self.field
        return plain


def _all_env(where: str, variable: str, rule: str) -> str:
    """Return CEL that holds when *rule* does for each variable of a container."""
    return f"!has({where}.env) || {where}.env.all({variable}, {rule})"


_NAME = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
_MAIN = "'kserve-container'"
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
_CUSTOM = f"has(self.containers) && self.containers.exists(c, c.name == {_MAIN})"
_MODELLED = " || ".join(f"has(self.{key})" for key in _KEYS)
# Which model a predictor serves, for telling whether it has changed.
_URIS = " + ".join(
    f"(has(SELF.{key}) && has(SELF.{key}.storageUri) ? SELF.{key}.storageUri : '')"
    for key in _KEYS
)


def _images(field: str) -> str:
    return (
        f"!has(self.{field}) || self.{field}.all(c, has(c.image) && c.image.size() > 0)"
    )


def _custom_images(field: str) -> str:
    return f"{_MODELLED} || {_images(field)}"


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
_NAMED = Rule(
    rule=f"self.metadata.name.matches('{_NAME}')",
    message="the name must be lower case letters, digits and '-' after a letter",
    expression=(
        "'the ' + self.kind + ' \"' + self.metadata.name + '\" is invalid: a name must "
        "consist of lower case alphanumeric characters or \\'-\\', and must start "
        'with alphabetical character (e.g. "my-name" or "abc-123")\''
    ),
    field=".metadata.name",
)
_COMPONENT = (
    Rule(
        rule=(
            "!has(self.minReplicas) || !has(self.maxReplicas) "
            "|| self.maxReplicas == 0 || self.minReplicas <= self.maxReplicas"
        ),
        message="'MinReplicas' cannot be greater than MaxReplicas",
        field=".minReplicas",
    ),
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
            + _all_env(
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
            f"{_COUNT} + ({_CUSTOM} ? 1 : 0) == 1 || (has(self.containers) "
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
            f"{_all_env('c', 'e', 'e.name != ' + repr('STORAGE_URI'))})"
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
            + _all_env(
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
_RUNTIME = (
    Rule(
        rule=_CUSTOM,
        message=(
            "no container is named kserve-container; give the one that serves that name"
        ),
        field=".containers",
    ),
    Rule(
        rule=_images("containers"),
        message="image is required",
        field=".containers",
    ),
    Rule(
        rule=(
            "!has(self.supportedModelFormats) || self.supportedModelFormats.all(a, "
            "!has(a.priority) || !has(a.autoSelect) || !a.autoSelect || "
            "self.supportedModelFormats.all(b, b.name != a.name || !has(b.priority) "
            "|| !has(b.autoSelect) || !b.autoSelect || b.priority == a.priority))"
        ),
        message=(
            "different priorities assigned for the same model format; a runtime has "
            "one priority for each format"
        ),
        field=".supportedModelFormats",
    ),
    Rule(
        rule="!has(oldSelf.workerSpec) || has(self.workerSpec)",
        message="removing workerSpec where it already exists is not allowed",
    ),
)

#: By the name of the type; a type has its ancestors' rules too.
RULES: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        "InferenceService": (
            _NAMED,
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
                rule=_images("containers"),
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
                rule=_images("containers"),
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
        "ServingRuntimeSpec": _RUNTIME,
        "TrainedModelModel": (
            Rule(
                rule=(
                    "['s3://', 'gs://', 'https://', 'http://'].exists(p, "
                    "self.storageUri.startsWith(p))"
                ),
                message=(
                    "The storage uri must start with one of the prefixes: s3://, "
                    "gs://, https://, http://"
                ),
                field=".storageUri",
            ),
            Rule(
                rule="self.memory == oldSelf.memory",
                message=(
                    "memory field is immutable; delete the TrainedModel and create it "
                    "anew"
                ),
                field=".memory",
            ),
        ),
        "InferenceGraph": (_NAMED,),
        "InferenceGraphSpec": (
            Rule(
                rule="'root' in self.nodes",
                message=(
                    "root node not found, InferenceGraph needs a node with name 'root' "
                    "as the root node of the graph"
                ),
                field=".nodes",
            ),
            Rule(
                rule=(
                    "self.nodes.all(n, !has(self.nodes[n].steps) || "
                    "self.nodes[n].steps.all(s, !has(s.nodeName) "
                    "|| s.nodeName in self.nodes))"
                ),
                message="nodeName must be the name of a node of this graph",
                field=".nodes",
            ),
            Rule(
                rule=(
                    "!has(self.minReplicas) || !has(self.maxReplicas) "
                    "|| self.maxReplicas == 0 || self.minReplicas <= self.maxReplicas"
                ),
                message="'MinReplicas' cannot be greater than MaxReplicas",
                field=".minReplicas",
            ),
        ),
        "GraphNode": (
            Rule(
                rule=(
                    "!has(self.steps) || self.steps.all(a, !has(a.name) "
                    "|| a.name == '' || self.steps.exists_one(b, has(b.name) "
                    "&& b.name == a.name))"
                ),
                message="a node contains more than one step with the same name",
                field=".steps",
            ),
            Rule(
                rule=(
                    "self.routerType != 'Splitter' || !has(self.steps) || ("
                    "self.steps.all(s, has(s.weight)) "
                    "&& self.steps.map(s, s.weight).sum() == 100)"
                ),
                message=(
                    "splitter node: each step needs a 'weight', and the sum of traffic "
                    "weights for all routing targets should be 100"
                ),
                field=".steps",
            ),
        ),
        "GraphStep": (
            Rule(
                rule=(
                    "[has(self.nodeName), has(self.serviceName), has(self.serviceUrl)]"
                    ".filter(x, x).size() == 1"
                ),
                message=(
                    "a step specifies exactly one inference target: nodeName, "
                    "serviceName or serviceUrl"
                ),
            ),
        ),
        "SupportedUriFormat": (
            Rule(
                rule="has(self.prefix) || has(self.regex)",
                message="a URI format has a 'prefix' or a 'regex'",
            ),
        ),
        "ClusterStorageContainerSpec": (
            Rule(
                rule="has(self.container.image) && self.container.name != ''",
                message="the container needs a name and an image",
                field=".container",
            ),
        ),
    }
)
#: Rules about every list called ``env``.
ENV_RULES = (
    Rule(
        rule="self.all(e, e.name != 'PYTHONPATH' && e.name != 'LD_PRELOAD')",
        message=(
            "setting PYTHONPATH or LD_PRELOAD in a container is not allowed for "
            "security reasons; remove it"
        ),
    ),
)
