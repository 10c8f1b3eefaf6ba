"""The command that explains a ConfigMap."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result
from inferry_controller.cli.configmap import configmap

SHIPPED = Path(__file__).parents[1] / "configuration" / "kserve.yaml"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(configmap, arguments, catch_exceptions=False)


def test_each_setting_is_printed_with_the_key_it_came_from() -> None:
    result = run(str(SHIPPED))
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert [
        "kubernetes.mode",
        '"Knative"',
        *["ConfigMap", "inferenceservice-config,", "deploy.defaultDeploymentMode"],
    ] in lines
    assert "logger: no effect" in result.stderr


def test_all_that_is_wrong_is_told_and_the_command_fails(tmp_path: Path) -> None:
    file = tmp_path / "map.yaml"
    file.write_text(
        "kind: ConfigMap\nmetadata: {name: inferenceservice-config}\n"
        "data: {deploy: '{', ingres: '{}', inferry.toml: '[ingress]\n\n domain = 1'}\n"
    )
    result = run(str(file))
    assert result.exit_code == 1
    assert result.stderr.count("error: ") == 3


def test_the_same_as_json() -> None:
    found = json.loads(run(str(SHIPPED), "--json").stdout)
    assert found["problems"] == []
    assert len(found["notes"]) == 15
    mode = next(x for x in found["settings"] if x["setting"] == "kubernetes.mode")
    assert mode["value"] == "Knative"
