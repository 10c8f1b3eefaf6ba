from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from inferry.api import crds
from inferry.api._crds.descriptions import DESCRIPTIONS
from inferry.api._types import ComponentSpec, ModelSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = {
    "InferenceService": ("v1beta1", "inferenceservices", ["isvc"], "Namespaced"),
    "ServingRuntime": ("v1alpha1", "servingruntimes", [], "Namespaced"),
    "ClusterServingRuntime": ("v1alpha1", "clusterservingruntimes", [], "Cluster"),
    "TrainedModel": ("v1alpha1", "trainedmodels", ["tm"], "Namespaced"),
    "InferenceGraph": ("v1alpha1", "inferencegraphs", ["ig"], "Namespaced"),
    "ClusterStorageContainer": ("v1alpha1", "clusterstoragecontainers", [], "Cluster"),
}
CRDS = {each["spec"]["names"]["kind"]: each for each in crds()}


def schema(kind: str) -> Any:
    (version,) = CRDS[kind]["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]


def nodes(found: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    yield path, found
    for name, inner in found.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if name in found:
            yield from nodes(found[name], f"{path}[]")


@pytest.mark.parametrize("kind", KINDS)
def test_names_versions_and_scopes_are_those_of_kserve(kind: str) -> None:
    spec = CRDS[kind]["spec"]
    (version,) = spec["versions"]
    names = spec["names"]
    found = (
        version["name"],
        names["plural"],
        names.get("shortNames", []),
        spec["scope"],
    )
    assert found == KINDS[kind]
    assert CRDS[kind]["metadata"]["name"] == f"{names['plural']}.serving.kserve.io"
    assert version["subresources"] == {"status": {}}


@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_fits_into_the_annotation_of_kubectl_apply(kind: str) -> None:
    """An object's annotations have 256 KiB; kubectl keeps a copy there."""
    assert len(json.dumps(CRDS[kind], separators=(",", ":"))) < 200_000


@pytest.mark.parametrize("kind", KINDS)
def test_kubectl_explain_says_what_a_kind_and_its_fields_are(kind: str) -> None:
    """Its own ones; the fields of pods are described by Kubernetes."""
    found = schema(kind)
    assert found["description"]
    assert found["properties"]["spec"]["description"]
    assert found["properties"]["status"]["description"]


def test_every_description_is_of_something_that_there_is() -> None:
    used = {
        inner["description"]
        for kind in KINDS
        for _, inner in nodes(schema(kind))
        if "description" in inner
    }
    assert used == set(DESCRIPTIONS.values())


def test_every_own_field_of_a_service_is_described() -> None:
    spec = schema("InferenceService")["properties"]["spec"]["properties"]
    predictor = spec["predictor"]["properties"]
    model = predictor["model"]["properties"]
    own = [*field_names(ComponentSpec), *field_names(ModelSpec)]
    lacking = [
        name
        for name in own
        if "description" not in (predictor.get(name) or model.get(name))
    ]
    assert lacking == []


def field_names(kind: type) -> list[str]:
    """Return the fields of a type in YAML's spelling, but for what it inlines."""
    fields = msgspec.structs.fields(kind)
    inlined = {"pod", "container"}
    return [each.encode_name for each in fields if each.name not in inlined]


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_of_a_schema_says_its_type(kind: str) -> None:
    """What Kubernetes calls structural."""
    open_ones = ("x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string")
    untyped = [
        path
        for path, found in nodes(schema(kind))
        if "type" not in found and not any(each in found for each in open_ones)
    ]
    assert untyped == []


@pytest.mark.parametrize("kind", KINDS)
def test_entries_of_merged_lists_must_have_their_key(kind: str) -> None:
    for path, found in nodes(schema(kind)):
        for key in found.get("x-kubernetes-list-map-keys", ()):
            assert key in found["items"]["required"], path


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_names_a_field_that_exists(kind: str) -> None:
    for path, found in nodes(schema(kind)):
        for rule in found.get("x-kubernetes-validations", ()):
            inner = found
            for step in rule.get("fieldPath", "").split(".")[1:]:
                assert step in inner["properties"], (path, rule["fieldPath"])
                inner = inner["properties"][step]


def test_pod_fields_are_closed_and_their_objects_open() -> None:
    predictor = schema("InferenceService")["properties"]["spec"]["properties"][
        "predictor"
    ]
    assert "x-kubernetes-preserve-unknown-fields" not in predictor
    assert predictor["properties"]["nodeSelector"]["additionalProperties"]
    assert predictor["properties"]["affinity"]["x-kubernetes-preserve-unknown-fields"]


def test_a_legacy_key_has_no_format_and_no_runtime() -> None:
    spec = schema("InferenceService")["properties"]["spec"]["properties"]
    legacy = spec["predictor"]["properties"]["sklearn"]["properties"]
    assert not {"modelFormat", "runtime"} & set(legacy)
    assert "storageUri" in legacy


def test_the_columns_of_a_service_are_those_of_kserve() -> None:
    (version,) = CRDS["InferenceService"]["spec"]["versions"]
    names = [
        each["name"]
        for each in version["additionalPrinterColumns"]
        if "priority" not in each
    ]
    assert names == [
        "URL",
        "Ready",
        "Prev",
        "Latest",
        "PrevRolledoutRevision",
        "LatestReadyRevision",
        "Age",
    ]


def test_the_definitions_are_made_anew_each_time() -> None:
    """Whoever changes one changes none of anybody else."""
    first, second = crds(), crds()
    assert first == second
    first[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"].clear()
    assert crds() == second


def test_no_number_of_replicas_is_more_than_kubernetes_counts() -> None:
    """A Deployment keeps the low 32 bits of a larger one."""
    predictor = schema("InferenceService")["properties"]["spec"]["properties"][
        "predictor"
    ]["properties"]

    assert predictor["minReplicas"]["maximum"] == 2**31 - 1
    assert predictor["maxReplicas"]["maximum"] == 2**31 - 1
