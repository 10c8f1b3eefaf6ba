"""Make the relative model paths of a service absolute, below the folder of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from inferry.api._types import CanarySpec, InferenceService, PredictorSpec

if TYPE_CHECKING:
    from pathlib import Path

P = TypeVar("P", bound=PredictorSpec)


def anchored(service: InferenceService, folder: Path) -> InferenceService:
    """Return *service* with every relative model path made absolute, below *folder*.

    A path in a file then means the same wherever a command is called from. URIs with a
    scheme and absolute paths stay as they are, also those below ``~``.
    """
    spec = service.spec
    canary = spec.canary
    if isinstance(canary, list):
        canary = [
            msgspec.structs.replace(each, predictor=_predictor(each.predictor, folder))
            for each in canary
            if isinstance(each, CanarySpec)
        ]
    elif canary is not None:
        canary = _predictor(canary, folder)
    spec = msgspec.structs.replace(
        spec, predictor=_predictor(spec.predictor, folder), canary=canary
    )
    return msgspec.structs.replace(service, spec=spec)


def _predictor(predictor: P, folder: Path) -> P:
    model = predictor.model
    if model is not None and model.storage_uri:
        uri = _absolute(model.storage_uri, folder)
        model = msgspec.structs.replace(model, storage_uri=uri)
    uris = [
        msgspec.structs.replace(each, uri=_absolute(each.uri, folder))
        for each in predictor.storage_uris
    ]
    return msgspec.structs.replace(predictor, model=model, storage_uris=uris)


def _absolute(uri: str, folder: Path) -> str:
    if "://" in uri or uri.startswith(("/", "~/")):
        return uri
    return str(folder.absolute() / uri)
