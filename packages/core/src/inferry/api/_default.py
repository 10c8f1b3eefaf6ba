"""What KServe fills in before anything else looks at a document.

Only what needs no cluster: defaults that come from settings (resources, images) are
filled in where the settings are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

import msgspec

from inferry.api import _types
from inferry.api._names import (
    DEPLOYMENT_MODE,
    LEGACY_MODES,
    MAIN_CONTAINER,
    MODEL_FORMAT,
)
from inferry.api._storage_containers import ClusterStorageContainer

if TYPE_CHECKING:
    from inferry.api._meta import ObjectMeta
    from inferry.api._types import ComponentSpec, Document, ModelSpec, PredictorSpec

_V2_LEGACY = frozenset({"triton", "onnx", "huggingface"})
_V2_FORMATS = frozenset({"triton", "vLLM"})

# Kinds without a namespace.
CLUSTER_KINDS = (_types.ClusterServingRuntime, ClusterStorageContainer)

D = TypeVar("D", bound="Document")


def default(document: D) -> D:
    """Return *document* with KServe's defaults; doing it twice changes nothing."""
    if isinstance(document, _types.InferenceService):
        return cast("D", _service(document))
    if isinstance(document, CLUSTER_KINDS):
        metadata = msgspec.structs.replace(document.metadata, namespace="")
        return msgspec.structs.replace(document, metadata=metadata)
    return document


def written_key(predictor: PredictorSpec) -> str:
    """Return the key of an undefaulted predictor that becomes ``model``."""
    keys = legacy_keys(predictor)
    return keys[0] if predictor.model is None and len(keys) == 1 else "model"


def legacy_keys(predictor: PredictorSpec) -> list[str]:
    """Return the framework keys that the predictor has, such as ``sklearn``."""
    return [key for key in _types.LEGACY_FORMATS if getattr(predictor, key) is not None]


def is_empty_twin(predictor: PredictorSpec, key: str) -> bool:
    """Say whether *key* is empty and only repeats the format of ``model``."""
    model = predictor.model
    if model is None or model.model_format is None:
        return False
    empty = getattr(predictor, key) == _types.ModelSpec()
    return empty and model.model_format.name == key


def _service(service: _types.InferenceService) -> _types.InferenceService:
    spec = service.spec
    spec = msgspec.structs.replace(
        spec,
        predictor=_predictor(spec.predictor),
        transformer=_named(spec.transformer),
        explainer=_explainer(spec.explainer),
        canary=_canary(spec.canary),
    )
    metadata = _metadata(service.metadata, spec.predictor.model)
    return msgspec.structs.replace(service, metadata=metadata, spec=spec)


def _metadata(metadata: ObjectMeta, model: ModelSpec | None) -> ObjectMeta:
    annotations = dict(metadata.annotations)
    mode = annotations.get(DEPLOYMENT_MODE, "")
    if mode in LEGACY_MODES:
        annotations[DEPLOYMENT_MODE] = LEGACY_MODES[mode]
    if model and model.model_format and annotations.get(DEPLOYMENT_MODE) != "ModelMesh":
        annotations.setdefault(MODEL_FORMAT, model.model_format.name)
    return msgspec.structs.replace(metadata, annotations=annotations)


def _canary(
    canary: list[_types.CanarySpec] | PredictorSpec | None,
) -> list[_types.CanarySpec] | PredictorSpec | None:
    if isinstance(canary, list):
        return [
            msgspec.structs.replace(each, predictor=_predictor(each.predictor))
            for each in canary
        ]
    return None if canary is None else _predictor(canary)


def _predictor(predictor: PredictorSpec) -> PredictorSpec:
    keys = legacy_keys(predictor)
    changes: dict[str, Any] = {}
    if written_key(predictor) in keys:
        changes = {"model": _from_legacy(predictor, keys[0]), keys[0]: None}
    else:
        changes = {key: None for key in keys if is_empty_twin(predictor, key)}
    predictor = msgspec.structs.replace(predictor, **changes)
    if predictor.model is not None:
        return msgspec.structs.replace(predictor, model=_protocol(predictor.model))
    containers = predictor.pod.get("containers") or []
    if legacy_keys(predictor) or not containers:
        return predictor
    alone = len(containers) == 1 or not containers[0].get("name")
    return _rename_first(predictor) if alone else predictor


def _from_legacy(predictor: PredictorSpec, key: str) -> ModelSpec:
    model: ModelSpec = getattr(predictor, key)
    protocol = model.protocol_version or ("v2" if key in _V2_LEGACY else None)
    return msgspec.structs.replace(
        model, model_format=_types.ModelFormatRef(name=key), protocol_version=protocol
    )


def _protocol(model: ModelSpec) -> ModelSpec:
    speaks_v2 = model.model_format and model.model_format.name in _V2_FORMATS
    if not speaks_v2 or model.protocol_version:
        return model
    return msgspec.structs.replace(model, protocol_version="v2")


C = TypeVar("C", bound="ComponentSpec")


@overload
def _named(component: None) -> None: ...
@overload
def _named(component: C) -> C: ...
def _named(component: C | None) -> C | None:
    """Name the container that implements a transformer or a custom explainer."""
    if component is None:
        return None
    containers = component.pod.get("containers") or []
    names = [container.get("name") for container in containers]
    if not containers or MAIN_CONTAINER in names:
        return component
    return _rename_first(component)


def _explainer(explainer: _types.ExplainerSpec | None) -> _types.ExplainerSpec | None:
    return explainer if explainer and explainer.art else _named(explainer)


def _rename_first(component: C) -> C:
    first, *rest = component.pod["containers"]
    pod = component.pod | {"containers": [{**first, "name": MAIN_CONTAINER}, *rest]}
    return msgspec.structs.replace(component, pod=pod)
