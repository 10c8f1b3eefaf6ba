"""The definitions on a real API server: what it takes, merges, keeps and refuses."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from bed.api import ApiError
from refused import MODEL, REFUSED, predictor, runtime, service, trained

from inferry.api import crds, from_object, loads
from inferry.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Callable

    from bed.cluster import Cluster

Object = dict[str, Any]
ROOT = Path(__file__).parents[2]
KSERVE = ROOT / "packages" / "core" / "tests" / "api" / "kserve"
OURS = [each["metadata"]["name"] for each in crds()]
CLUSTER_WIDE = {"ClusterServingRuntime", "ClusterStorageContainer"}


def documents() -> dict[str, Object]:
    read = [
        document
        for file in sorted(KSERVE.glob("*.yaml"))
        for document in yaml.safe_load_all(file.read_text())
    ]
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in read}


KSERVES = documents()


def placed(document: Object, namespace: str) -> Object:
    """Return a copy of its own: in *namespace*, or named by it."""
    moved = copy.deepcopy(document)
    metadata = moved["metadata"]
    metadata.pop("namespace", None)
    if moved["kind"] in CLUSTER_WIDE:
        metadata["name"] += f"-{namespace}"
    else:
        metadata["namespace"] = namespace
    return moved


@pytest.mark.parametrize("name", OURS)
def test_a_definition_is_established_and_structural(
    cluster: Cluster, name: str
) -> None:
    """A schema that is not structural has a condition that says why."""
    found = cluster.api.get("customresourcedefinitions", name)
    conditions = {
        each["type"]: each["status"] for each in found["status"]["conditions"]
    }
    assert conditions == {"NamesAccepted": "True", "Established": "True"}


def test_kubectl_applies_the_definitions_in_both_ways(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Client-side the object is kept in an annotation; a second time changes nothing.

    Nothing that the API server adds or drops makes it differ from what is applied.
    """
    for each in crds():
        (tmp_path / f"{each['metadata']['name']}.json").write_text(json.dumps(each))
    folder = str(tmp_path)
    first = cluster.kubectl("apply", "-f", folder)
    assert first.returncode == 0, first.stderr
    again = cluster.kubectl("apply", "-f", folder)
    assert again.stdout.count("unchanged") == len(OURS), again.stdout
    forced = ("apply", "--server-side", "--force-conflicts", "-f", folder)
    for _ in range(2):
        done = cluster.kubectl(*forced)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", KSERVES)
def test_a_document_for_kserve_applies_loads_and_stays(
    cluster: Cluster, namespace: str, name: str
) -> None:
    """What the API server keeps is the document that the file is.

    Applied again nothing changes, not even the version.
    """
    document = placed(KSERVES[name], namespace)
    made = cluster.api.apply(document)
    again = cluster.api.apply(document)
    versions = {each["metadata"]["resourceVersion"] for each in (made, again)}
    assert len(versions) == 1
    (of_file,) = loads(json.dumps(document)).documents
    of_server = from_object(made)
    assert of_server.kind == of_file.document.kind
    if hasattr(of_server, "spec") and hasattr(of_file.document, "spec"):
        assert of_server.spec == of_file.document.spec


@pytest.mark.parametrize("file", sorted(KSERVE.glob("*.yaml")), ids=lambda f: f.stem)
def test_kubectl_applies_a_file_for_kserve_without_a_warning(
    cluster: Cluster, namespace: str, tmp_path: Path, file: Path
) -> None:
    """By default kubectl refuses fields that a definition does not name.

    Applied again nothing changes.
    """
    moved = [placed(each, namespace) for each in yaml.safe_load_all(file.read_text())]
    path = tmp_path / file.name
    path.write_text(yaml.safe_dump_all(moved))
    versions = []
    for _ in range(2):
        done = cluster.kubectl("apply", "-f", str(path), "-o", "json")
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        made = json.loads(done.stdout)["items"]
        versions.append([each["metadata"]["resourceVersion"] for each in made])
    # What the server fills in makes kubectl send a change that changes nothing; plain
    # text of a Secret is no field that it keeps.
    assert versions[0] == versions[1]


@pytest.mark.parametrize("name", REFUSED)
def test_what_breaks_a_rule_is_refused_with_its_field(
    cluster: Cluster, namespace: str, name: str
) -> None:
    document, field, words = REFUSED[name]
    with pytest.raises(ApiError) as caught:
        cluster.api.create(placed(document, namespace))
    assert caught.value.status == 422
    assert words in caught.value.message
    assert re.search(rf"{re.escape(field)}[:\s[]", caught.value.message)


@pytest.mark.parametrize("name", REFUSED)
def test_the_loader_refuses_what_the_api_server_refuses(name: str) -> None:
    """A file that is fine on a laptop is no surprise on a cluster."""
    document, _, _ = REFUSED[name]
    with pytest.raises(InvalidDocument):
        from_object(document)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (trained(), trained(memory="2Gi"), "memory field is immutable"),
        (
            runtime(workerSpec={"pipelineParallelSize": 2}),
            runtime(),
            "removing workerSpec",
        ),
        (
            predictor(name="one"),
            predictor(name="two"),
            "predictor.name change requires a model change",
        ),
    ],
    ids=["memory", "workerSpec", "predictor.name"],
)
def test_what_cannot_change_is_refused(
    cluster: Cluster, namespace: str, before: Object, after: Object, words: str
) -> None:
    made = cluster.api.create(placed(before, namespace))
    changed = placed(after, namespace)
    changed["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
    kind = f"{made['kind'].lower()}s.serving.kserve.io"
    path = cluster.api.path(kind, made["metadata"]["name"], namespace)
    with pytest.raises(ApiError) as caught:
        cluster.api.request("PUT", path, changed)
    assert caught.value.status == 422
    assert words in caught.value.message


def test_a_predictor_may_be_renamed_with_its_model(
    cluster: Cluster, namespace: str
) -> None:
    cluster.api.apply(placed(predictor(name="one"), namespace))
    renamed = predictor(name="two", model=MODEL | {"storageUri": "s3://models/new"})
    cluster.api.apply(placed(renamed, namespace))


def test_two_writers_share_containers_and_variables(
    cluster: Cluster, namespace: str
) -> None:
    """Each owns the entries that it wrote; neither drops those of the other."""
    one = placed(predictor(), namespace)
    one["spec"]["predictor"]["model"]["env"] = [{"name": "A", "value": "1"}]
    cluster.api.apply(one, manager="one")
    two = placed(service(), namespace)
    two["spec"] = {"predictor": {"model": {"env": [{"name": "B", "value": "2"}]}}}
    two["spec"]["predictor"]["model"]["modelFormat"] = MODEL["modelFormat"]
    made = cluster.api.apply(two, manager="two")
    names = [each["name"] for each in made["spec"]["predictor"]["model"]["env"]]
    assert sorted(names) == ["A", "B"]
    assert made["spec"]["predictor"]["model"]["storageUri"] == MODEL["storageUri"]


def test_null_is_as_good_as_absent(cluster: Cluster, namespace: str) -> None:
    document = placed(predictor(), namespace)
    document["spec"] |= {"transformer": None, "canary": None}
    document["spec"]["predictor"] |= {"minReplicas": None, "volumes": None}
    document["spec"]["predictor"]["model"] |= {"env": None, "resources": None}
    made = cluster.api.apply(document)
    plain = placed(predictor(), namespace)
    (expected,) = loads(json.dumps(plain)).documents
    assert from_object(made).spec == expected.document.spec


def test_status_is_written_by_itself_and_keeps_what_it_holds(
    cluster: Cluster, namespace: str
) -> None:
    made = cluster.api.create(placed(service(), namespace))
    status = {
        "url": "http://iris",
        "inferry": {"inputs": "abc", "children": {"a": [1, None]}},
        "components": {"predictor": {"traffic": [{"percent": 100}]}},
        "conditions": [{"type": "Ready", "status": "True", "reason": "Ready"}],
    }
    change = {
        "apiVersion": made["apiVersion"],
        "kind": made["kind"],
        "metadata": {"name": "iris", "namespace": namespace},
        "status": status,
    }
    after = cluster.api.apply(change, manager="status", part="status")
    assert after["metadata"]["generation"] == made["metadata"]["generation"]
    assert after["status"] == status


def test_the_record_of_the_controller_has_one_owner_and_is_replaced_as_a_whole(
    cluster: Cluster, namespace: str
) -> None:
    made = cluster.api.create(placed(service(), namespace))
    record = {"inputs": "abc", "children": {"a": ["x", "y"], "b": ["x", "y"]}}
    change = {
        "apiVersion": made["apiVersion"],
        "kind": made["kind"],
        "metadata": {"name": "iris", "namespace": namespace},
        "status": {"inferry": record},
    }
    cluster.api.apply(change, manager="status", part="status")
    change["status"] = {"inferry": {"children": {"b": ["x", "z"]}}}
    after = cluster.api.apply(change, manager="status", part="status")
    assert change["status"] == after["status"]
    (entry,) = [
        each
        for each in after["metadata"]["managedFields"]
        if each.get("subresource") == "status"
    ]
    assert entry["fieldsV1"] == {"f:status": {"f:inferry": {}}}


def test_kubectl_lists_services_in_kserves_columns(
    cluster: Cluster, namespace: str, kubectl: Callable[..., Any]
) -> None:
    cluster.api.create(placed(service(), namespace))
    done = kubectl("get", "isvc", "-n", namespace)
    heads = done.stdout.splitlines()[0].split()
    assert heads == [
        "NAME",
        "URL",
        "READY",
        "PREV",
        "LATEST",
        "PREVROLLEDOUTREVISION",
        "LATESTREADYREVISION",
        "AGE",
    ]


def test_a_misspelt_field_is_refused_by_kubectl(
    namespace: str, kubectl: Callable[..., Any]
) -> None:
    document = placed(predictor(minReplica=2), namespace)
    done = kubectl("apply", "-f", "-", stdin=json.dumps(document))
    assert done.returncode != 0
    assert 'unknown field "spec.predictor.minReplica"' in done.stderr
