"""What is kept of an InferenceService: its bytes, a digest, and what it could need.

10,000 of them lie in memory, so each is kept as JSON without what nobody reads, and is
decoded when something has to be done about it.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from inferry.api import LEGACY_FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GROUP = "serving.kserve.io"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_DIGEST = 12
#: Keys of a predictor that are no model format of the old style.
_MODEL = "model"
_COMPONENTS = ("predictor", "transformer", "explainer")


class StoredService(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One InferenceService as the API server last told it.

    ``asked`` is a digest of what its author wrote: labels, annotations and spec.
    ``needs`` are the names of formats (``format:sklearn``), runtimes (``runtime:x``)
    and ServiceAccounts (``account:x``) that decide what becomes of it. ``body`` and
    ``status`` are JSON.
    """

    namespace: str
    name: str
    uid: str
    version: str
    generation: int
    asked: bytes
    needs: tuple[str, ...]
    body: bytes
    status: bytes
    deleting: bool = False
    finalizers: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    def document(self) -> dict[str, Any]:
        """Return the service without its status."""
        decoded: dict[str, Any] = orjson.loads(self.body)
        return decoded

    def status_document(self) -> dict[str, Any]:
        """Return its status; empty where it has none."""
        decoded: dict[str, Any] = orjson.loads(self.status)
        return decoded


def stored(obj: Mapping[str, Any]) -> StoredService:
    """Return what is kept of *obj*, an InferenceService as the API server sends it."""
    metadata = obj["metadata"]
    annotations = dict(metadata.get("annotations") or {})
    annotations.pop(_LAST_APPLIED, None)
    labels, spec = metadata.get("labels") or {}, obj.get("spec") or {}
    body = compact(
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {
                "name": metadata["name"],
                "namespace": metadata.get("namespace", ""),
                "labels": labels,
                "annotations": annotations,
            },
            "spec": spec,
        }
    )
    return StoredService(
        namespace=sys.intern(metadata.get("namespace", "")),
        name=sys.intern(metadata["name"]),
        uid=sys.intern(metadata.get("uid", "")),
        version=metadata.get("resourceVersion", ""),
        generation=metadata.get("generation", 0),
        asked=digest(body),
        needs=_shared(tuple(sorted(set(_needs(spec))))),
        body=body,
        status=compact(obj.get("status") or {}),
        deleting="deletionTimestamp" in metadata,
        finalizers=tuple(metadata.get("finalizers") or ()),
    )


def compact(document: Mapping[str, Any]) -> bytes:
    """Return *document* as JSON in no more memory than it has bytes.

    What orjson returns lies in a buffer of 4 KiB, 8 KiB and so on, and stays there.
    """
    return bytes(memoryview(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)))


def digest(*parts: bytes) -> bytes:
    """Return a short digest of *parts*."""
    hashed = blake2b(digest_size=_DIGEST)
    for part in parts:
        hashed.update(len(part).to_bytes(4, "big"))
        hashed.update(part)
    return hashed.digest()


def digest_of(value: object) -> bytes:
    """Return a short digest of plain data or of `msgspec` structures."""
    return digest(_encode(value))


_encode = msgspec.json.Encoder(order="sorted", enc_hook=str).encode


@lru_cache(maxsize=4096)
def _shared(needs: tuple[str, ...]) -> tuple[str, ...]:
    """Return one tuple for all services that need the same."""
    return needs


def _needs(spec: Mapping[str, Any]) -> Iterator[str]:
    for predictor in _predictors(spec):
        model = predictor.get(_MODEL)
        if isinstance(model, dict):
            yield _model_needs((model.get("modelFormat") or {}).get("name"), model)
        # The old style names the format by the key: ``sklearn: {storageUri: …}``.
        for key in LEGACY_FORMATS:
            if isinstance(predictor.get(key), dict):
                yield _model_needs(key, predictor[key])
    for name in _COMPONENTS:
        component = spec.get(name)
        if isinstance(component, dict):
            yield f"account:{component.get('serviceAccountName') or 'default'}"


def _model_needs(name: object, model: Mapping[str, Any]) -> str:
    """Return what decides about the runtime: its name, else the format."""
    runtime = model.get("runtime")
    return f"runtime:{runtime}" if runtime else f"format:{name}"


def _predictors(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    found = [spec.get("predictor")]
    canary = spec.get("canary")
    if isinstance(canary, list):
        found += [each.get("predictor") for each in canary if isinstance(each, dict)]
    elif isinstance(canary, dict):
        found.append(canary)
    yield from (each for each in found if isinstance(each, dict))
