"""The init container that fetches a model."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import msgspec
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
)
DOCUMENT = """---
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterStorageContainer
metadata: {{name: {name}}}
spec:
  container: {{name: storage-initializer, image: any}}
  supportedUriFormats: [{{prefix: "s3://"}}, {{prefix: "hf://"}}]
"""


def theirs(
    bench: Bench, text: str = "", more: str = "", known: StorageContainer = THEIRS
) -> Pod:
    """Return the pod on a cluster with a container that fetches."""
    document = DOCUMENT.format(name=known.name)
    return bench.pod(
        bench.service(model(text, more)) + document,
        around=Surroundings(storage_containers=(known,)),
    )


def model(text: str, more: str) -> str:
    at = "" if "storageUri" in text + more else "  storageUri: s3://bucket/iris\n"
    return f"model:\n  modelFormat: {{name: acme}}\n{at}  {text}\n{more}"


def fetch(made: Pod) -> dict[str, Any]:
    (container,) = made.template["spec"]["initContainers"]
    found: dict[str, Any] = container
    return found


def env(made: Pod) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in fetch(made)["env"]}


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
    made = theirs(bench, "storageUri: hf://acme/m")
    container = fetch(made)
    assert container["image"] == "kserve/storage-initializer:1"
    assert container["args"] == ["hf://acme/m", "/mnt/models"]
    assert container["resources"]["limits"] == {"memory": "8Gi"}
    assert env(made)["MINE"] == "1"
    assert env(made)["HF_HUB_ENABLE_HF_TRANSFER"] == "1"
    assert "readOnlyRootFilesystem" not in container["securityContext"]


def test_what_no_container_of_the_cluster_supports_is_ours(bench: Bench) -> None:
    image = fetch(theirs(bench, "storageUri: gs://bucket/m"))["image"]
    assert image == "registry/inferry-storage:1"


def test_a_plugin_with_the_name_of_a_container_is_ours(bench: Bench) -> None:
    """The plan chose the plugin: a container without multi-model gets no two."""
    more = """
    storageUris:
      - {uri: "s3://b/a", mountPath: /mnt/models/a}
      - {uri: "s3://b/b", mountPath: /mnt/models/b}
    """
    known = msgspec.structs.replace(THEIRS, name="stores")
    made = theirs(bench, more=textwrap.dedent(more), known=known)
    assert fetch(made)["image"] == "registry/inferry-storage:1"


def test_our_own_image_in_a_container_of_the_cluster_is_ours(bench: Bench) -> None:
    mirrored = StorageContainer(
        name="ours", container={"image": "mirror:5000/inferry-storage:9"}
    )
    container = fetch(theirs(bench, known=mirrored))
    assert container["image"] == "mirror:5000/inferry-storage:9"
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_a_confidential_model_needs_a_container_that_decrypts(bench: Bench) -> None:
    text = "confidential: {enabled: true, resourceId: 'kbs:///a/b/c'}"
    (problem,) = bench.model(text).problems
    assert problem.fatal
    assert problem.path == "spec.predictor.model.confidential"
    made = theirs(bench, text)
    assert made.problems == ()
    assert env(made)["CONFIDENTIAL_ENABLED"] == "true"
    assert env(made)["CONFIDENTIAL_RESOURCE_ID"] == "kbs:///a/b/c"
