"""An install is the same from the generator, from kubectl and from Helm."""

from __future__ import annotations

import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from inferry_controller.install import (
    chart,
    kustomization,
    manifests,
    options_from,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bed.api import Object
    from bed.cluster import Cluster

HELM = {"createNamespace": False, "crds": {"install": True, "keep": True}}
VALUES: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "everything": {
        "scope": "cluster",
        "secretNamespaces": ["team-a", "team-b"],
        "registry": "registry.test:5000/inferry",
        "version": "1.2.3",
        "imagePullPolicy": "Always",
        "imagePullSecrets": ["one", "two"],
        "replicas": 3,
        # Helm merges tables: what a chart says of memory can be changed, not left out.
        "resources": {
            "requests": {"cpu": "1", "memory": "1Gi"},
            "limits": {"cpu": "1", "memory": "1Gi"},
        },
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "high",
        "labels": {"team": "platform", "number": "1"},
        "crds": {"install": True, "keep": False},
        "monitoring": True,
        "networkPolicy": True,
        "gatewayClass": "contour",
        "plugins": ["onnx"],
        "settings": {
            "kubernetes": {
                "mode": "Knative",
                "storage_limits": {"cpu": "2", "memory": "1Gi"},
                "headless": True,
                "run_as_user": 1234567,
                "additional_domains": ["a.test", "<b>&.test"],
            },
            "images": {"registry": "other.test"},
            "ingress": {"domain": "models.test"},
        },
        "config": {
            "deploy": '{\n  "defaultDeploymentMode": "Standard"\n}\n',
            "service": {"serviceClusterIPNone": True},
        },
    },
    "one replica, no kinds": {
        "replicas": 1,
        "crds": {"install": False, "keep": False},
        "userRoles": False,
        "priorityClassName": "",
    },
    "two namespaces": {
        "scope": "namespaced",
        "watch": ["team-a", "team-b"],
        "crds": {"install": False, "keep": False},
        "userRoles": False,
    },
}


def identified(objects: list[Object]) -> dict[tuple[str, ...], Object]:
    """Return *objects* by what they are; TOML in them is compared as such."""
    return {
        (
            each["kind"],
            each["metadata"].get("namespace", ""),
            each["metadata"]["name"],
        ): (_read(each))
        for each in objects
    }


def _read(document: Object) -> Object:
    if document["kind"] == "ConfigMap":
        # Go writes < and & as escapes; both are one text of TOML.
        data = document["data"] | {
            "inferry.toml": tomllib.loads(document["data"]["inferry.toml"])
        }
        return document | {"data": data}
    return document


def documents(text: str) -> list[Object]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [each for each in yaml.load_all(text, Loader=loader) if each]


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return folder


@pytest.fixture
def helm(
    programs: Callable[[str], Path], tmp_path: Path, cluster: Cluster
) -> Callable[..., str]:
    program = programs("helm")
    environment = {"HOME": str(tmp_path), "KUBECONFIG": str(cluster.kubeconfig)}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [program, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("case", VALUES)
def test_helm_makes_of_the_chart_what_the_generator_gives(
    helm: Callable[..., str], tmp_path: Path, case: str
) -> None:
    folder = written(tmp_path / "chart", chart())
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(VALUES[case]))
    made = documents(
        helm("template", "r", str(folder), "--namespace", "serving", "-f", str(values))
    )
    options = options_from({"namespace": "serving", **HELM, **VALUES[case]})
    assert identified(made) == identified(manifests(options))


@pytest.mark.parametrize("case", VALUES)
def test_kubectl_makes_of_the_base_what_the_generator_gives(
    cluster: Cluster, tmp_path: Path, case: str
) -> None:
    options = options_from({"namespace": "serving", **VALUES[case]})
    folder = written(tmp_path, kustomization(options))
    done = cluster.kubectl("kustomize", str(folder))
    assert done.returncode == 0, done.stderr
    assert identified(documents(done.stdout)) == identified(manifests(options))


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"replicas": 0}, "replicas"),
        ({"replica": 1}, "replica"),
        ({"scope": "all"}, "scope"),
        ({"scope": "namespaced"}, "watch"),
        ({"watch": ["a"]}, "watch"),
        ({"labels": {"app.kubernetes.io/name": "x"}}, "app.kubernetes.io/name"),
        ({"registry": "a b"}, "registry"),
    ],
)
def test_the_chart_refuses_values_that_cannot_be(
    programs: Callable[[str], Path],
    tmp_path: Path,
    values: dict[str, Any],
    problem: str,
) -> None:
    folder = written(tmp_path / "chart", chart())
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    done = subprocess.run(
        [programs("helm"), "template", "r", str(folder), "-f", str(file)],
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert problem in done.stderr


def test_helm_finds_nothing_to_say_about_the_chart(
    helm: Callable[..., str], tmp_path: Path
) -> None:
    folder = written(tmp_path / "chart", chart())
    said = helm("lint", "--strict", str(folder))
    assert "0 chart(s) failed" in said


def test_an_overlay_changes_what_it_wants(cluster: Cluster, tmp_path: Path) -> None:
    written(tmp_path / "base", kustomization())
    overlay = {
        "resources": ["base"],
        "images": [
            {
                "name": "ghcr.io/inferry/inferry-controller",
                "newTag": "2",
                "newName": "x",
            }
        ],
        "patches": [
            {
                "target": {"kind": "ConfigMap", "name": "inferenceservice-config"},
                "patch": yaml.safe_dump(
                    [
                        {
                            "op": "add",
                            "path": "/data/ingress",
                            "value": '{"ingressDomain": "a.test"}',
                        }
                    ]
                ),
            }
        ],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    done = cluster.kubectl("kustomize", str(tmp_path))
    assert done.returncode == 0, done.stderr
    found = identified(documents(done.stdout))
    pod = found["Deployment", "inferry", "inferry-controller"]["spec"]["template"]
    assert pod["spec"]["containers"][0]["image"] == "x:2"
    data = found["ConfigMap", "inferry", "inferenceservice-config"]["data"]
    assert data["ingress"] == '{"ingressDomain": "a.test"}'
