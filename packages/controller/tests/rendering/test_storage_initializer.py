"""The init container that fetches a model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from inferry_controller.options import RenderOptions
from inferry_controller.rendering.surroundings import StorageContainer, Surroundings

if TYPE_CHECKING:
    from conftest import Bench
    from inferry_controller.rendering.pods import Pod

THEIRS = StorageContainer(
    name="theirs",
    container={
        "name": "storage-initializer",
        "image": "kserve/storage-initializer:1",
        "env": [{"name": "MINE", "value": "1"}],
        "resources": {"limits": {"memory": "8Gi"}},
    },
    prefixes=("s3://", "hf://"),
    patterns=(r"https://[a-z]+\.example/",),
)


def fetch(made: Pod) -> dict[str, Any]:
    (container,) = made.template["spec"]["initContainers"]
    found: dict[str, Any] = container
    return found


def env(made: Pod) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in fetch(made)["env"]}


def around(*containers: StorageContainer) -> Surroundings:
    return Surroundings(storage_containers=containers)


def test_ours_is_small_and_writes_only_where_it_must(bench: Bench) -> None:
    options = RenderOptions(
        storage_requests={"cpu": "100m"}, storage_limits={"memory": "1Gi"}
    )
    container = fetch(bench.model(options=options))
    assert container["resources"] == {
        "requests": {"cpu": "100m"},
        "limits": {"memory": "1Gi"},
    }
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert {"name": "inferry-tmp", "mountPath": "/tmp"} in container["volumeMounts"]


def test_a_model_that_the_service_trusts_is_named_to_the_fetch(bench: Bench) -> None:
    told = env(bench.model("args: [--allowPickle=true]"))
    assert json.loads(told["INFERRY_STORAGE__TRUST"]) == ["s3://bucket/iris"]
    assert "INFERRY_STORAGE__TRUST" not in env(bench.model())


def test_the_settings_of_the_platform_reach_the_fetch(bench: Bench) -> None:
    options = RenderOptions(storage_environment={"INFERRY_STORAGE__WORKERS": "2"})
    assert env(bench.model(options=options))["INFERRY_STORAGE__WORKERS"] == "2"


def test_authorities_to_trust_are_mounted(bench: Bench) -> None:
    made = bench.model(options=RenderOptions(ca_bundle="authorities"))
    assert env(made)["CA_BUNDLE_CONFIGMAP_NAME"] == "authorities"
    assert env(made)["CA_BUNDLE_VOLUME_MOUNT_POINT"] == "/etc/ssl/custom-certs"
    volume = {"name": "cabundle-cert", "configMap": {"name": "authorities"}}
    assert volume in made.template["spec"]["volumes"]
    assert {
        "name": "cabundle-cert",
        "mountPath": "/etc/ssl/custom-certs",
        "readOnly": True,
    } in fetch(made)["volumeMounts"]


def test_a_container_of_the_cluster_fetches_what_it_supports(bench: Bench) -> None:
    """Its fields win over ours, but for its name and what to fetch."""
    made = bench.model("storageUri: hf://acme/m", around=around(THEIRS))
    container = fetch(made)
    assert container["image"] == "kserve/storage-initializer:1"
    assert container["args"] == ["hf://acme/m", "/mnt/models"]
    assert container["resources"]["limits"] == {"memory": "8Gi"}
    assert env(made)["MINE"] == "1"
    assert env(made)["HF_HUB_ENABLE_HF_TRANSFER"] == "1"
    assert "readOnlyRootFilesystem" not in container["securityContext"]


@pytest.mark.parametrize(
    ("uri", "theirs"),
    [
        ("https://store.example/m", True),
        ("https://store.other/m", False),
        ("gs://bucket/m", False),
    ],
)
def test_what_no_container_of_the_cluster_supports_is_ours(
    bench: Bench, uri: str, *, theirs: bool
) -> None:
    image = fetch(bench.model(f"storageUri: {uri}", around=around(THEIRS)))["image"]
    assert image.startswith("kserve/") == theirs


def test_a_container_that_fetches_one_model_does_not_fetch_two(bench: Bench) -> None:
    more = """
    storageUris:
      - {uri: "s3://b/a", mountPath: /mnt/models/a}
      - {uri: "s3://b/b", mountPath: /mnt/models/b}
    """
    image = fetch(bench.model(more=more, around=around(THEIRS)))["image"]
    assert image.startswith("registry/")


def test_our_own_image_in_a_container_of_the_cluster_is_ours(bench: Bench) -> None:
    mirrored = StorageContainer(
        name="ours",
        container={"image": "mirror:5000/inferry-storage:9"},
        prefixes=("s3://",),
    )
    container = fetch(bench.model(around=around(mirrored)))
    assert container["image"] == "mirror:5000/inferry-storage:9"
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize(
    ("name", "uri", "why"),
    [
        ("absent", "s3://b/m", "'absent' not found"),
        ("idle", "s3://b/m", "'idle' is disabled"),
        ("theirs", "gs://b/m", "'theirs' does not support storageUri gs://b/m"),
    ],
)
def test_a_container_that_is_named_and_cannot_be_had_is_refused(
    bench: Bench, name: str, uri: str, why: str
) -> None:
    idle = StorageContainer(name="idle", prefixes=("s3://",), disabled=True)
    made = bench.model(
        f"storageUri: {uri}",
        f"storageContainerName: {name}\n",
        around=around(THEIRS, idle),
    )
    (problem,) = made.problems
    assert problem.fatal
    assert problem.path == "spec.predictor.storageContainerName"
    assert problem.why == f"ClusterStorageContainer {why}"


def test_a_confidential_model_needs_a_container_that_decrypts(bench: Bench) -> None:
    text = "confidential: {enabled: true, resourceId: 'kbs:///a/b/c'}"
    (problem,) = bench.model(text).problems
    assert problem.fatal
    assert problem.path == "spec.predictor.model.confidential"
    made = bench.model(text, around=around(THEIRS))
    assert made.problems == ()
    assert env(made)["CONFIDENTIAL_ENABLED"] == "true"
    assert env(made)["CONFIDENTIAL_RESOURCE_ID"] == "kbs:///a/b/c"
