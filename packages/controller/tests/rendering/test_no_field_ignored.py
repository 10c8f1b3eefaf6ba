"""No field of an InferenceService is ignored in silence.

Every field that `inferry.planning` calls honoured on a cluster changes what is rendered
in at least one mode that honours it; where that depends on more than the field, such as
a server that is not ours, a problem names it. A field that is new in the types fails
here until it has a case.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import msgspec
import pytest
from inferry_controller.rendering import Placement, fresh, surroundings_of

from inferry.api import (
    LEGACY_FORMATS,
    ArtExplainer,
    InferenceService,
    ObjectMeta,
    WorkerSpec,
    loads,
)
from inferry.planning.cluster_fields import on_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Bench

MODES = ("Standard", "Knative")
URI = "storageUri: s3://b/m"
MODEL = f"model: {{modelFormat: {{name: acme}}, {URI}}}"
_FORMATS = ", ".join(
    f'{{name: {name}, version: "{version}", autoSelect: {auto}}}'
    for name, version, auto in (
        *((each, "1", "true") for each in LEGACY_FORMATS),
        ("acme", "7", "false"),
        ("odd", "1", "true"),
    )
)
#: What stands beside every service.
AROUND = f"""
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: {{name: every, namespace: team}}
spec:
  supportedModelFormats: [{_FORMATS}]
  containers: [{{name: kserve-container, image: acme/every}}]
---
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: {{name: second, namespace: team}}
spec:
  supportedModelFormats: [{{name: odd, version: "2", autoSelect: true}}]
  containers: [{{name: kserve-container, image: acme/second}}]
---
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterStorageContainer
metadata: {{name: theirs}}
spec:
  container: {{name: storage-initializer, image: acme/initializer}}
  supportedUriFormats: [{{prefix: "s3://"}}]
---
"""
LOGGER = "logger: {url: 'http://sink', %s}"
STORED = "logger: {url: 's3://log', storage: {path: a, key: k, parameters: {a: b}%s}}"
SPEC_STORAGE = (
    "model: {modelFormat: {name: acme}, storage: "
    "{key: k, path: %s, parameters: {type: s3, bucket: b%s}}}"
)


def _acme(more: str = "") -> str:
    """Return a predictor of an acme model, with *more* in it."""
    return f"whole: model: {{modelFormat: {{name: acme}}, {URI}{more}}}"


def _from(*sources: str) -> str:
    """Return a predictor of an acme model from *sources*."""
    entries = ", ".join(f"{{{each}}}" for each in sources)
    return f"whole: model: {{modelFormat: {{name: acme}}}}\nstorageUris: [{entries}]"


Text = str | tuple[str, str]
#: A field -> what a service with it says, below ``predictor`` or (``spec: …``,
#: ``metadata: …``) there; of two texts the first is without it.
CASES: dict[str, Text] = {
    "AutoScalingSpec.behavior": (
        "maxReplicas: 3\nautoScaling: {metrics: []}",
        "maxReplicas: 3\nautoScaling: {behavior: {scaleUp: {selectPolicy: Min}}}",
    ),
    "AutoScalingSpec.metrics": (
        "maxReplicas: 3",
        (
            "maxReplicas: 3\nautoScaling: {metrics: [{type: Resource, resource: {name: "
            "memory, target: {type: Utilization, averageUtilization: 9}}}]}"
        ),
    ),
    "Batcher.maxBatchSize": ("batcher: {}", "batcher: {maxBatchSize: 7}"),
    "Batcher.maxLatency": ("batcher: {}", "batcher: {maxLatency: 7}"),
    "CanarySpec.predictor": (
        "spec: canary: []",
        f"spec: canary: [{{trafficPercent: 9, predictor: {{name: x, {MODEL}}}}}]",
    ),
    "CanarySpec.trafficPercent": (
        f"spec: canary: [{{trafficPercent: 9, predictor: {{name: x, {MODEL}}}}}]",
        f"spec: canary: [{{trafficPercent: 8, predictor: {{name: x, {MODEL}}}}}]",
    ),
    "ComponentSpec.annotations": "annotations: {acme.org/team: a}",
    "ComponentSpec.autoScaling": "autoScaling: {metrics: []}",
    "ComponentSpec.batcher": "batcher: {maxBatchSize: 4}",
    "ComponentSpec.canaryTrafficPercent": "canaryTrafficPercent: 20",
    "ComponentSpec.containerConcurrency": "containerConcurrency: 3",
    "ComponentSpec.deploymentStrategy": "deploymentStrategy: {type: Recreate}",
    "ComponentSpec.labels": "labels: {team: a}",
    "ComponentSpec.logger": "logger: {url: 'http://sink'}",
    "ComponentSpec.maxReplicas": "maxReplicas: 3",
    "ComponentSpec.minReplicas": "minReplicas: 2",
    "ComponentSpec.pod": "nodeSelector: {disk: ssd}",
    "ComponentSpec.scaleMetric": (
        "maxReplicas: 3",
        "maxReplicas: 3\nscaleMetric: memory",
    ),
    "ComponentSpec.scaleMetricType": (
        "scaleMetric: memory\nscaleTarget: 9",
        "scaleMetric: memory\nscaleTarget: 9\nscaleMetricType: AverageValue",
    ),
    "ComponentSpec.scaleTarget": (
        "scaleMetric: cpu",
        "scaleMetric: cpu\nscaleTarget: 9",
    ),
    "ComponentSpec.storageUris": (
        _from("uri: 's3://b/a'"),
        _from("uri: 's3://b/a'", "uri: 's3://b/c', mountPath: /mnt/models/c"),
    ),
    "ComponentSpec.timeout": "timeout: 5",
    "Confidential.enabled": (_acme(), _acme(", confidential: {enabled: true}")),
    "Confidential.resourceId": (
        _acme(", confidential: {enabled: true}"),
        _acme(", confidential: {enabled: true, resourceId: 'kbs:///a/b/c'}"),
    ),
    "InferenceService.apiVersion": "",
    "InferenceService.kind": "",
    "InferenceService.metadata": "metadata: labels: {team: a}",
    "InferenceService.spec": "timeout: 5",
    "InferenceServiceSpec.canary": (
        f"spec: canary: [{{trafficPercent: 9, predictor: {{name: x, {MODEL}}}}}]"
    ),
    "InferenceServiceSpec.canaryTrafficPercent": "spec: canaryTrafficPercent: 20",
    "InferenceServiceSpec.explainer": "spec: explainer: {containers: [{image: e}]}",
    "InferenceServiceSpec.predictor": "timeout: 5",
    "InferenceServiceSpec.transformer": "spec: transformer: {containers: [{image: t}]}",
    "LoggerSpec.batchInterval": (
        STORED % "",
        (STORED % "").removesuffix("}") + ", batchInterval: 5s}",
    ),
    "LoggerSpec.batchSize": (
        STORED % "",
        (STORED % "").removesuffix("}") + ", batchSize: 5}",
    ),
    "LoggerSpec.metadataAnnotations": (
        LOGGER % "" + "\nannotations: {a: b}",
        LOGGER % "metadataAnnotations: [a]" + "\nannotations: {a: b}",
    ),
    "LoggerSpec.metadataHeaders": (LOGGER % "", LOGGER % "metadataHeaders: [a]"),
    "LoggerSpec.mode": (LOGGER % "", LOGGER % "mode: request"),
    "LoggerSpec.storage": ("logger: {url: 's3://log'}", STORED % ""),
    "LoggerSpec.url": ("logger: {mode: all}", LOGGER % ""),
    "LoggerStorageSpec.key": ("logger: {url: 's3://log'}", STORED % ""),
    "LoggerStorageSpec.parameters": (
        STORED % "",
        (STORED % "").replace("a: b", "format: csv"),
    ),
    "LoggerStorageSpec.path": (
        STORED % "",
        (STORED % "").replace("path: a", "path: c"),
    ),
    "LoggerStorageSpec.serviceAccountName": (
        STORED % "",
        STORED % ", serviceAccountName: writer",
    ),
    "ModelFormatRef.name": f"whole: model: {{modelFormat: {{name: onnx}}, {URI}}}",
    "ModelFormatRef.version": (
        f"whole: model: {{modelFormat: {{name: odd, version: '1'}}, {URI}}}",
        f"whole: model: {{modelFormat: {{name: odd, version: '2'}}, {URI}}}",
    ),
    "ModelSpec.confidential": (_acme(), _acme(", confidential: {enabled: true}")),
    "ModelSpec.container": _acme(", env: [{name: A, value: b}]"),
    "ModelSpec.modelFormat": f"whole: model: {{modelFormat: {{name: onnx}}, {URI}}}",
    "ModelSpec.protocolVersion": _acme(", protocolVersion: grpc-v2"),
    "ModelSpec.runtime": _acme(", runtime: every"),
    "ModelSpec.runtimeVersion": _acme(", runtimeVersion: '9'"),
    "ModelSpec.storage": "whole: " + SPEC_STORAGE % ("iris", ""),
    "ModelSpec.storageUri": (
        "whole: model: {modelFormat: {name: acme}, storageUri: 's3://b/other'}"
    ),
    "ModelStorageSpec.key": (
        "whole: " + SPEC_STORAGE % ("iris", ""),
        "whole: " + (SPEC_STORAGE % ("iris", "")).replace("key: k", "key: other"),
    ),
    "ModelStorageSpec.parameters": (
        "whole: " + SPEC_STORAGE % ("iris", ""),
        "whole: " + SPEC_STORAGE % ("iris", ", region: x"),
    ),
    "ModelStorageSpec.path": (
        "whole: " + SPEC_STORAGE % ("iris", ""),
        "whole: " + SPEC_STORAGE % ("rose", ""),
    ),
    "ObjectMeta.annotations": "metadata: annotations: {acme.org/team: a}",
    "ObjectMeta.labels": "metadata: labels: {team: a}",
    "ObjectMeta.name": "",
    "ObjectMeta.namespace": "",
    "PredictorSpec.model": f"whole: model: {{modelFormat: {{name: onnx}}, {URI}}}",
    "PredictorSpec.name": (
        f"spec: canary: [{{trafficPercent: 9, predictor: {{name: x, {MODEL}}}}}]",
        f"spec: canary: [{{trafficPercent: 9, predictor: {{name: y, {MODEL}}}}}]",
    ),
    "PredictorSpec.storageContainerName": "storageContainerName: theirs",
    "StorageUriSpec.mountPath": (
        _from("uri: 's3://b/a'"),
        _from("uri: 's3://b/a', mountPath: /mnt/models/a"),
    ),
    "StorageUriSpec.uri": (_from("uri: 's3://b/a'"), _from("uri: 's3://b/c'")),
    **{f"PredictorSpec.{each}": f"whole: {each}: {{{URI}}}" for each in LEGACY_FORMATS},
}
#: Below a field that is refused, or written by the API server and asking for nothing.
_REFUSED = (ArtExplainer, WorkerSpec)
_OURS = {"name", "namespace", "labels", "annotations"}


def _fields() -> Iterator[str]:
    seen: set[type] = set()
    waiting: list[type[Any]] = [InferenceService]
    while waiting:
        kind = waiting.pop()
        if kind in seen or kind in _REFUSED:
            continue
        seen.add(kind)
        hints = get_type_hints(kind)
        for each in msgspec.structs.fields(kind):
            if kind is ObjectMeta and each.encode_name not in _OURS:
                continue
            waiting += _structs(hints[each.name])
            owners = reversed(kind.__mro__)
            owner = next(c for c in owners if each.name in inspect.get_annotations(c))
            yield f"{owner.__name__}.{each.encode_name}"


def _structs(hint: Any) -> Iterator[type[Any]]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
    for inner in get_args(hint):
        yield from _structs(inner)


def _honoured(key: str) -> list[str]:
    return [mode for mode in MODES if on_cluster(key, mode).action == "honoured"]


FIELDS = sorted({key for key in _fields() if _honoured(key)})


def test_every_honoured_field_has_a_case() -> None:
    """What is added to the types is added here, or told as not honoured."""
    assert sorted(CASES) == FIELDS


@pytest.mark.parametrize("key", [key for key in FIELDS if CASES.get(key)])
def test_field_changes_what_is_rendered(bench: Bench, key: str) -> None:
    """In at least one of the modes that honour it, or a problem names it."""
    case = CASES[key]
    before, after = case if isinstance(case, tuple) else ("", case)
    changed = [
        mode
        for mode in _honoured(key)
        if _rendered(bench, before, mode) != _rendered(bench, after, mode)
    ]
    assert changed


def _rendered(bench: Bench, text: str, mode: str) -> object:
    predictor, spec, metadata = MODEL, "", ""
    where, _, rest = text.partition(": ")
    if where == "whole":
        predictor = rest
    elif where == "spec":
        spec = rest
    elif where == "metadata":
        metadata = rest
    else:
        predictor = f"{MODEL}\n{text}"
    if mode == "Knative" and "canary: [" in spec:
        return None  # refused there
    document = AROUND + bench.service(predictor, spec=spec, metadata=metadata)
    placements = None
    if "canaryTrafficPercent" in text or not text:
        placements = _with_an_older(bench, document)
    documents = [each.document for each in loads(AROUND).documents]
    around = surroundings_of(documents, "team")
    if "storageContainerName" not in text and "confidential" not in text:
        around = msgspec.structs.replace(around, storage_containers=())
    rendered = bench.render(document, placements=placements, around=around, mode=mode)
    # The plan's own hash says nothing of what is done with a field.
    revision = {"inferry.dev/revision"}
    told = {(each.path, each.why) for each in rendered.problems}
    return _without([*rendered.objects], revision), told


def _with_an_older(bench: Bench, document: str) -> tuple[Placement, ...]:
    (newest,) = fresh(bench.planned(document))
    older = msgspec.structs.replace(newest.revision, name="feed")
    names = {"predictor": "iris-predictor-00001"}
    newest = msgspec.structs.replace(newest, slot="@new", main=False, weight=0)
    return (Placement(revision=older, knative=names), newest)


def _without(value: Any, keys: set[str]) -> Any:
    if isinstance(value, dict):
        return {k: _without(v, keys) for k, v in value.items() if k not in keys}
    if isinstance(value, list):
        return [_without(each, keys) for each in value]
    return value
