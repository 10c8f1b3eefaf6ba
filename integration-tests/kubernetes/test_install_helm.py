"""A release of the chart on a real API server: installed, upgraded, uninstalled."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from bed.api import until
from inferry_controller.install import chart

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bed.cluster import Cluster

KIND = "inferenceservices.serving.kserve.io"
TEMPLATE = "templates/crds/inferenceservices.yaml"
WHERE = ("--namespace", "inferry")
SERVICE = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "iris", "namespace": "default"},
    "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}}}},
}


@pytest.fixture
def helm(
    programs: Callable[[str], Path], tmp_path: Path, bare_cluster: Cluster
) -> Callable[..., str]:
    program = programs("helm")
    kubeconfig = str(bare_cluster.kubeconfig)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [program, *arguments],
            env={"HOME": str(tmp_path), "KUBECONFIG": kubeconfig},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_a_release_comes_at_once_and_its_upgrade_brings_the_new_kinds(
    helm: Callable[..., str], bare_cluster: Cluster, tmp_path: Path
) -> None:
    folder = written(tmp_path / "chart", chart())
    said = helm("install", "r", folder, *WHERE, "--create-namespace", "--wait")
    assert "rollout status deploy/inferry-controller" in said
    assert ready(bare_cluster) == 2

    newer = chart()
    newer[TEMPLATE] = newer[TEMPLATE].replace("name: Reason", "name: Because")
    written(tmp_path / "chart", newer)
    helm("upgrade", "r", folder, *WHERE, "--set", "replicas=1", "--wait")
    columns = json.dumps(bare_cluster.api.get("customresourcedefinitions", KIND))
    assert '"Because"' in columns
    until(lambda: ready(bare_cluster) == 1, "one replica")


def test_its_uninstall_leaves_services_alone_and_it_can_come_again(
    helm: Callable[..., str], bare_cluster: Cluster, tmp_path: Path
) -> None:
    folder = written(tmp_path / "chart", chart())
    helm("upgrade", "--install", "r", folder, *WHERE, "--create-namespace")
    done = bare_cluster.kubectl("apply", "-f", "-", stdin=json.dumps(SERVICE))
    assert done.returncode == 0, done.stderr
    helm("uninstall", "r", *WHERE, "--wait")
    api = bare_cluster.api
    assert api.find("deployments", "inferry-controller", "inferry") is None
    assert api.find("inferenceservices", "iris", "default") is not None
    helm("install", "r", folder, *WHERE)
    assert api.find("inferenceservices", "iris", "default") is not None


def test_kinds_that_need_not_stay_go_with_the_release(
    helm: Callable[..., str], bare_cluster: Cluster, tmp_path: Path
) -> None:
    folder = written(tmp_path / "chart", chart())
    helm("upgrade", "--install", "r", folder, *WHERE, "--set", "crds.keep=false")
    helm("uninstall", "r", *WHERE, "--wait")
    find = bare_cluster.api.find
    until(lambda: find("customresourcedefinitions", KIND) is None, "no kinds")


def ready(cluster: Cluster) -> int:
    found = cluster.api.get("deployments", "inferry-controller", "inferry")
    return int(found["status"].get("readyReplicas", 0))


def written(folder: Path, files: dict[str, str]) -> str:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return str(folder)
