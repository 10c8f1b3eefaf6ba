"""How the files of a model come into a pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Bench
    from inferry_controller.rendering.pods import Pod


def of(made: Pod) -> dict[str, Any]:
    """Return the parts of the pod that hold files, by short names."""
    spec = made.template["spec"]
    initial = {each["name"]: each for each in spec.get("initContainers", ())}
    (serving,) = (c for c in spec["containers"] if c["name"] == "kserve-container")
    return {
        "init": initial,
        "volumes": {each["name"]: each for each in spec.get("volumes", ())},
        "mounts": {each["mountPath"]: each for each in serving.get("volumeMounts", ())},
        "spec": spec,
    }


def test_a_model_is_fetched_into_a_volume_that_the_server_reads(bench: Bench) -> None:
    found = of(bench.model())
    fetch = found["init"]["storage-initializer"]
    assert fetch["image"] == "registry/inferry-storage:1"
    assert fetch["args"] == ["s3://bucket/iris", "/mnt/models"]
    assert found["volumes"]["kserve-provision-location"] == {
        "name": "kserve-provision-location",
        "emptyDir": {},
    }
    assert found["mounts"]["/mnt/models"] == {
        "name": "kserve-provision-location",
        "mountPath": "/mnt/models",
        "readOnly": True,
    }
    assert {"name": "kserve-provision-location", "mountPath": "/mnt/models"} in (
        fetch["volumeMounts"]
    )


def test_an_annotation_lets_the_server_write_its_model(bench: Bench) -> None:
    more = "annotations: {storage.kserve.io/readonly: 'false'}\n"
    assert of(bench.model(more=more))["mounts"]["/mnt/models"]["readOnly"] is False


def test_several_sources_share_a_volume_at_their_common_folder(bench: Bench) -> None:
    more = """
    storageUris:
      - {uri: "s3://bucket/a", mountPath: /mnt/models/a}
      - {uri: "hf://acme/b", mountPath: /mnt/models/b}
    """
    found = of(bench.model(more=more))
    assert found["init"]["storage-initializer"]["args"] == [
        "s3://bucket/a",
        "/mnt/models/a",
        "hf://acme/b",
        "/mnt/models/b",
    ]
    assert "/mnt/models" in found["mounts"]


def test_a_claim_beside_fetched_models_gets_its_place(bench: Bench) -> None:
    """Below a folder that is mounted read-only nothing else can be mounted."""
    more = """
    storageUris:
      - {uri: "s3://bucket/a", mountPath: /mnt/models/a}
      - {uri: "s3://bucket/b", mountPath: /mnt/models/b}
      - {uri: "pvc://claim/x", mountPath: /mnt/models/x}
    """
    mounts = of(bench.model(more=more))["mounts"]
    assert mounts["/mnt/models/a"]["subPath"] == "source-0"
    assert mounts["/mnt/models/b"]["subPath"] == "source-1"
    assert mounts["/mnt/models/x"]["name"] == "kserve-pvc-source"
    assert "/mnt/models" not in mounts


@pytest.mark.parametrize(
    ("uri", "path"), [("pvc://claim", None), ("pvc://claim/a/b/", "a/b")]
)
def test_a_claim_is_mounted_and_nothing_fetched(
    bench: Bench, uri: str, path: str | None
) -> None:
    found = of(bench.model(f"storageUri: {uri}"))
    assert found["init"] == {}
    assert found["volumes"]["kserve-pvc-source"] == {
        "name": "kserve-pvc-source",
        "persistentVolumeClaim": {"claimName": "claim"},
    }
    assert found["mounts"]["/mnt/models"].get("subPath") == path
    assert found["mounts"]["/mnt/models"]["readOnly"] is True


def test_one_claim_is_one_volume_and_another_is_another(bench: Bench) -> None:
    more = """
    storageUris:
      - {uri: "pvc://one/a", mountPath: /mnt/models/a}
      - {uri: "pvc://one/b", mountPath: /mnt/models/b}
      - {uri: "pvc://two/c", mountPath: /mnt/models/c}
    """
    found = of(bench.model(more=more))
    claims = [name for name in found["volumes"] if name.startswith("kserve-pvc")]
    assert claims == ["kserve-pvc-source", "kserve-pvc-source-2"]
    assert found["mounts"]["/mnt/models/b"]["name"] == "kserve-pvc-source"


def test_a_path_that_leaves_its_claim_is_refused(bench: Bench) -> None:
    (problem,) = bench.model("storageUri: pvc://claim/../other").problems
    assert problem.fatal
    assert problem.path == "spec.predictor.storageUri"


def test_init_containers_of_the_service_come_first_and_in_order(bench: Bench) -> None:
    more = "initContainers: [{name: a, image: a}, {name: b, image: b}]\n"
    assert list(of(bench.model(more=more))["init"]) == ["a", "b", "storage-initializer"]


def test_an_initializer_of_ones_own_replaces_ours(bench: Bench) -> None:
    more = "initContainers: [{name: storage-initializer, image: mine}]\n"
    found = of(bench.model(more=more))
    assert found["init"]["storage-initializer"]["image"] == "mine"
    assert "kserve-provision-location" in found["volumes"]


def test_a_custom_container_is_told_where_its_model_is_now(bench: Bench) -> None:
    made = bench.pod(
        "containers: [{image: i, env: [{name: STORAGE_URI, value: 's3://b/m'}]}]"
    )
    found = of(made)
    assert found["init"]["storage-initializer"]["args"] == ["s3://b/m", "/mnt/models"]
    (container,) = found["spec"]["containers"]
    assert {"name": "STORAGE_URI", "value": "/mnt/models"} in container["env"]


def test_a_collocated_transformer_sees_the_model_too(bench: Bench) -> None:
    more = "containers: [{name: transformer-container, image: t}]\n"
    (_, beside) = of(bench.model(more=more))["spec"]["containers"]
    assert [each["mountPath"] for each in beside["volumeMounts"]] == ["/mnt/models"]
    assert beside["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}


def test_what_a_container_mounts_itself_stays(bench: Bench) -> None:
    made = bench.model(
        "volumeMounts: [{name: mine, mountPath: /mnt/models}]",
        "volumes: [{name: mine, emptyDir: {}}]\n",
    )
    assert of(made)["mounts"]["/mnt/models"] == {
        "name": "mine",
        "mountPath": "/mnt/models",
    }


def test_a_service_without_a_model_has_no_files(bench: Bench) -> None:
    found = of(bench.pod("containers: [{image: i}]"))
    assert (found["init"], found["volumes"], found["mounts"]) == ({}, {}, {})
