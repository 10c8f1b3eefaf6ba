"""An install applies to a real API server at once, in any order, and goes quickly."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from bed.api import until
from inferry_controller.install import InstallOptions, kustomization, manifests

if TYPE_CHECKING:
    from pathlib import Path

    from bed.api import Object
    from bed.cluster import Cluster

SERVICE = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "iris", "namespace": "default"},
    "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}}}},
}


def test_one_client_side_apply_is_all_and_a_second_changes_nothing(
    bare_cluster: Cluster,
) -> None:
    text = "---\n".join(json.dumps(each) + "\n" for each in manifests())
    first = bare_cluster.kubectl("apply", "-f", "-", stdin=text)
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    again = bare_cluster.kubectl("apply", "-f", "-", stdin=text)
    changed = [line for line in again.stdout.splitlines() if "unchanged" not in line]
    # kubectl sends the selector of a budget each time, and says so.
    assert changed == ["poddisruptionbudget.policy/inferry-controller configured"]


def test_no_order_of_applying_matters(bare_cluster: Cluster) -> None:
    objects = manifests(InstallOptions(namespace="backwards"))
    namespace, rest = objects[0], objects[1:]
    bare_cluster.api.apply(namespace)
    for document in reversed(rest):
        bare_cluster.api.apply(document)


def test_every_kind_is_established_and_short_names_work(bare_cluster: Cluster) -> None:
    applied(bare_cluster, manifests())
    until_established(bare_cluster)
    found = bare_cluster.kubectl("get", "isvc", "-A")
    assert found.returncode == 0, found.stderr


def test_a_service_can_be_stored_while_no_controller_runs(
    bare_cluster: Cluster,
) -> None:
    applied(bare_cluster, manifests())
    until_established(bare_cluster)
    text = json.dumps(SERVICE)
    done = bare_cluster.kubectl("apply", "-f", "-", stdin=text)
    assert done.returncode == 0, done.stderr
    bare_cluster.kubectl("delete", "isvc", "iris")


def test_deleting_the_controller_leaves_services_alone(
    bare_cluster: Cluster, tmp_path: Path
) -> None:
    folder = written(tmp_path, kustomization())
    assert bare_cluster.kubectl("apply", "-k", str(folder)).returncode == 0
    until_established(bare_cluster)
    bare_cluster.kubectl("apply", "-f", "-", stdin=json.dumps(SERVICE))
    gone = bare_cluster.kubectl("delete", "-k", str(folder / "controller"))
    assert gone.returncode == 0, gone.stderr
    assert bare_cluster.api.find("inferenceservices", "iris", "default") is not None


def test_deleting_everything_takes_seconds_though_no_controller_is_there(
    bare_cluster: Cluster, tmp_path: Path
) -> None:
    folder = written(tmp_path, kustomization())
    assert bare_cluster.kubectl("apply", "-k", str(folder)).returncode == 0
    until_established(bare_cluster)
    bare_cluster.kubectl("apply", "-f", "-", stdin=json.dumps(SERVICE))
    began = time.monotonic()
    gone = bare_cluster.kubectl("delete", "-k", str(folder))
    assert gone.returncode == 0, gone.stderr
    assert time.monotonic() - began < 30
    left = bare_cluster.kubectl("get", "crd,clusterrole,ns", "-o", "name").stdout
    assert "inferry" not in left
    assert "serving.kserve.io" not in left


def test_the_kinds_of_kserve_are_taken_over_with_what_is_stored(
    bare_cluster: Cluster,
) -> None:
    for document in manifests():
        if document["kind"] == "CustomResourceDefinition":
            bare_cluster.api.apply(of_kserve(document), manager="kserve")
    until_established(bare_cluster)
    bare_cluster.kubectl("apply", "-f", "-", stdin=json.dumps(SERVICE))
    text = "---\n".join(json.dumps(each) + "\n" for each in manifests())
    done = bare_cluster.kubectl("apply", "-f", "-", stdin=text)
    assert done.returncode == 0, done.stderr
    found = bare_cluster.kubectl("get", "isvc", "iris", "-o", "json")
    assert json.loads(found.stdout)["spec"] == SERVICE["spec"]
    refused = SERVICE | {"spec": {}}
    done = bare_cluster.kubectl("apply", "-f", "-", stdin=json.dumps(refused))
    assert "spec.predictor" in done.stderr  # by the schema that is ours
    bare_cluster.kubectl("delete", "isvc", "iris")


def of_kserve(crd: Object) -> Object:
    """Return a kind as KServe has it: with a webhook, and its own labels and schema."""
    (version,) = crd["spec"]["versions"]
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    webhook = {
        "conversionReviewVersions": ["v1beta1"],
        "clientConfig": {
            "service": {
                "namespace": "kserve",
                "name": "kserve-webhook-server-service",
                "path": "/convert",
            }
        },
    }
    return {
        **crd,
        "metadata": {
            "name": crd["metadata"]["name"],
            "annotations": {"cert-manager.io/inject-ca-from": "kserve/serving-cert"},
        },
        "spec": crd["spec"]
        | {
            "versions": [version | {"schema": {"openAPIV3Schema": anything}}],
            "conversion": {"strategy": "Webhook", "webhook": webhook},
        },
    }


def applied(cluster: Cluster, objects: list[Object]) -> None:
    for document in objects:
        cluster.api.apply(document)


def written(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return folder


def until_established(cluster: Cluster) -> None:
    """Wait for every kind; each is one that the API server finds no fault with.

    Each is asked for, as a controller does that runs: what is deleted before anybody
    asked stays Terminating for minutes, because the API server fails on a cache that is
    not filled yet ("storage is (re)initializing").
    """
    for crd in manifests():
        if crd["kind"] == "CustomResourceDefinition":
            name = crd["metadata"]["name"]
            until(lambda: "Established" in holding(cluster, name), name)  # noqa: B023 - at once
            assert "NonStructuralSchema" not in holding(cluster, name)
            until(lambda: is_served(cluster, name), f"{name} to be served")  # noqa: B023


def is_served(cluster: Cluster, name: str) -> bool:
    return not cluster.kubectl("get", name, "--all-namespaces").returncode


def holding(cluster: Cluster, name: str) -> set[str]:
    live = cluster.api.get("customresourcedefinitions", name)
    conditions = live.get("status", {}).get("conditions") or ()
    return {each["type"] for each in conditions if each["status"] == "True"}
