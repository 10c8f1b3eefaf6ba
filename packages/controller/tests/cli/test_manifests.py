"""The command: to standard output, or to a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner, Result
from inferry_controller.cli.manifests import manifests
from inferry_controller.install import InstallOptions
from inferry_controller.install import manifests as objects

from inferry.errors import InvalidDocument

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(manifests, arguments, catch_exceptions=False)


def test_it_prints_what_the_generator_gives() -> None:
    result = run("--namespace", "serving", "--replicas", "3", "--monitoring")
    assert result.exit_code == 0
    wanted = objects(InstallOptions(namespace="serving", replicas=3, monitoring=True))
    assert list(yaml.safe_load_all(result.output)) == wanted


def test_a_namespaced_install_brings_nothing_of_the_cluster_unless_asked() -> None:
    found = list(
        yaml.safe_load_all(run("--scope", "namespaced", "--watch", "a, b").output)
    )
    assert {each["kind"] for each in found} == {
        "ConfigMap",
        "Deployment",
        "PodDisruptionBudget",
        "Role",
        "RoleBinding",
        "Service",
        "ServiceAccount",
    }
    asked = run("--scope", "namespaced", "--watch", "a", "--crds").output
    assert "CustomResourceDefinition" in asked


def test_only_the_kinds_can_be_had() -> None:
    found = list(
        yaml.safe_load_all(
            run("--only", "crds", "--scope", "namespaced", "--watch", "a").output
        )
    )
    assert {each["kind"] for each in found} == {"CustomResourceDefinition"}


def test_folders_are_written(tmp_path: Path) -> None:
    assert run("--format", "helm", "--output", str(tmp_path / "c")).exit_code == 0
    assert (tmp_path / "c" / "Chart.yaml").is_file()
    assert run("--format", "kustomize", "--output", str(tmp_path / "k")).exit_code == 0
    assert (tmp_path / "k" / "kustomization.yaml").is_file()
    assert run("--output", str(tmp_path / "p")).exit_code == 0
    assert (tmp_path / "p" / "inferry.yaml").is_file()


def test_what_a_chart_takes_as_values_is_refused_as_options(tmp_path: Path) -> None:
    """They would have no effect."""
    result = run("--format", "helm", "--replicas", "3", "--output", str(tmp_path))
    assert result.exit_code == 2
    assert "--replicas" in result.output
    assert "--set" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_base_is_always_whole(tmp_path: Path) -> None:
    result = run("--format", "kustomize", "--only", "crds", "--output", str(tmp_path))
    assert result.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_help_shows_examples_a_line_each() -> None:
    assert "\n    inferry manifests | kubectl apply -f -\n" in run("--help").output


def test_a_folder_needs_a_name() -> None:
    result = run("--format", "helm")
    assert result.exit_code == 2
    assert "--output" in result.output


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(InvalidDocument, match="watch: a namespaced install needs"):
        run("--scope", "namespaced")


def test_a_gateway_comes_with_the_class_it_needs() -> None:
    found = list(yaml.safe_load_all(run("--gateway", "contour").output))
    gateway = found[-1]
    assert (gateway["kind"], gateway["spec"]["gatewayClassName"]) == (
        "Gateway",
        "contour",
    )


def test_the_gateway_can_be_had_alone() -> None:
    found = list(
        yaml.safe_load_all(run("--only", "gateway", "--gateway", "contour").output)
    )
    assert [each["kind"] for each in found] == ["Namespace", "Gateway"]
    assert run("--only", "gateway").exit_code == 2
