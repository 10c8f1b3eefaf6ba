from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from inferry.cli import main

if TYPE_CHECKING:
    from pathlib import Path

PLUGIN = """
from inferry.plugins import (
    ImportRef, ModelFormat, Option, Runtime, StorageBackend, hookimpl
)

@hookimpl
def inferry_runtimes():
    yield Runtime(
        name="tasty",
        formats=(ModelFormat(name="wine", version="1"),),
        protocols=("v1", "v2"),
        model=ImportRef("acme_wine.model:Wine"),
        options=(Option(name="allowCork", type="bool", default=False),),
    )
    yield Runtime(
        name="beery",
        formats=(ModelFormat(name="beer"),),
        model=ImportRef("acme_wine.model:Beer"),
    )

@hookimpl
def inferry_storage_backends():
    yield StorageBackend(
        name="cellar", schemes=("cellar",), client=ImportRef("acme_wine:Cellar")
    )
"""
ORIGIN = "plugin acme-inferry-wine 1.0"
SERVICE = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: NAME}
spec:
  predictor:
    nodeSelector: {place: dark}
    model:
      modelFormat: {name: FORMAT}
      storageUri: cellar://red
      args: [--allow_cork]
"""


@pytest.fixture
def explain(site: Any, tmp_path: Path) -> Any:
    """Give a function that explains services of a plugin installed for the test."""
    site.plugin("wine", PLUGIN)

    def run(*services: tuple[str, str], options: tuple[str, ...] = ()) -> Result:
        file = tmp_path / "service.yaml"
        texts = (SERVICE.replace("NAME", n).replace("FORMAT", f) for n, f in services)
        file.write_text("---".join(texts), "utf-8")
        return CliRunner().invoke(main, ["explain", str(file), *options])

    return run


def test_it_says_what_was_chosen_and_why(explain: Any) -> None:
    result = explain(("red", "wine"))
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    for line in (
        "InferenceService default/red on the local backend",
        "path /serving/default/red",
        "runtime tasty",
        f"from {ORIGIN}",
        "the only runtime that serves wine",
        f"not beery ({ORIGIN}): does not serve wine",
        "model red, format wine 1",
        "served by acme_wine.model:Wine",
        f"storage cellar://red by cellar ({ORIGIN}): it reads cellar://",
        "policy none: the number of replicas is fixed",
        "options allowCork = true (spec.predictor.model.args)",
        "spec.predictor.nodeSelector: there is one machine to run on",
    ):
        assert line in lines


def test_json_holds_the_same(explain: Any) -> None:
    result = explain(("red", "wine"), options=("--output", "json"))
    printed = json.loads(result.stdout)
    (service,) = printed["services"]
    (component,) = service["components"]
    assert printed["problems"] == []
    assert service["host"] == "red-default.example.com"
    assert component["runtime"]["name"] == "tasty"
    assert component["options"] == [
        {"name": "allowCork", "value": True, "origin": "spec.predictor.model.args"}
    ]
    assert service["unhonoured"][0]["path"] == "spec.predictor.nodeSelector"


def test_a_service_that_cannot_be_served_does_not_hide_the_others(explain: Any) -> None:
    result = explain(("pils", "bier"), ("red", "wine"))
    assert result.exit_code == 1
    assert "InferenceService default/red" in result.stdout
    assert "error: default/pils: no runtime here serves the model format 'bier'" in (
        result.stderr
    )
    assert "did you mean 'beer'?" in result.stderr


def test_problems_are_in_the_json_too(explain: Any) -> None:
    result = explain(("pils", "bier"), options=("-o", "json"))
    (problem,) = json.loads(result.stdout)["problems"]
    assert result.exit_code == 1
    assert problem["reason"] == "NoSupportingRuntime"
    assert problem["remedy"] == "did you mean 'beer'?"


def test_a_cluster_honours_what_a_laptop_cannot(explain: Any) -> None:
    result = explain(("red", "wine"), options=("--backend", "kubernetes"))
    assert result.exit_code == 0
    assert "not honoured" not in result.stdout


def test_a_file_with_errors_is_not_explained(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(SERVICE.replace("predictor:", "predicter:"), "utf-8")
    result = CliRunner().invoke(main, ["explain", str(file)])
    assert result.exit_code == 1
    assert "did you mean 'predictor'?" in result.stderr


def test_a_file_without_a_service_says_so(tmp_path: Path) -> None:
    file = tmp_path / "runtime.yaml"
    file.write_text(
        "apiVersion: serving.kserve.io/v1alpha1\n"
        "kind: ClusterServingRuntime\n"
        "metadata: {name: a}\n"
        "spec:\n"
        "  supportedModelFormats: [{name: a}]\n"
        "  containers: [{name: kserve-container, image: i}]\n",
        "utf-8",
    )
    result = CliRunner().invoke(main, ["explain", str(file)])
    assert result.exit_code == 1
    assert "no InferenceService in" in result.stderr


def test_every_revision_is_shown_with_its_share(site: Any, tmp_path: Path) -> None:
    site.plugin("wine", PLUGIN)
    file = tmp_path / "service.yaml"
    model = "{model: {modelFormat: {name: wine}, storageUri: cellar://VINTAGE}}"
    file.write_text(
        "apiVersion: serving.kserve.io/v1beta1\n"
        "kind: InferenceService\n"
        'metadata: {name: red, annotations: {serving.kserve.io/stop: "true"}}\n'
        "spec:\n"
        "  canaryTrafficPercent: 10\n"
        f"  predictor: {model.replace('VINTAGE', 'new')}\n"
        f"  canary: {{predictor: {model.replace('VINTAGE', 'old')}}}\n",
        "utf-8",
    )
    result = CliRunner().invoke(main, ["explain", str(file)])
    assert result.exit_code == 0
    assert "stopped   by the annotation" in result.stdout
    assert ", 10 % of the traffic)" in result.stdout
    assert "predictor canary (revision " in result.stdout


def test_a_component_of_containers_is_its_image(site: Any, tmp_path: Path) -> None:
    site.plugin("wine", PLUGIN)
    file = tmp_path / "service.yaml"
    file.write_text(
        "apiVersion: serving.kserve.io/v1beta1\n"
        "kind: InferenceService\n"
        "metadata: {name: red}\n"
        "spec:\n"
        "  predictor:\n"
        "    maxReplicas: 3\n"
        "    containers: [{name: kserve-container, image: mine}]\n",
        "utf-8",
    )
    done = CliRunner().invoke(main, ["explain", str(file), "--backend", "kubernetes"])
    assert done.exit_code == 0
    assert "image     mine" in done.stdout
    assert "1 to 3 replicas" in done.stdout
    refused = CliRunner().invoke(main, ["explain", str(file)])
    assert refused.exit_code == 1
    assert "spec.predictor.containers: the local backend starts no containers" in (
        refused.stderr
    )


def test_a_path_means_what_it_means_when_the_file_is_served(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.plugin("wine", PLUGIN.replace('schemes=("cellar",)', 'schemes=("file",)'))
    (tmp_path / "red").mkdir()
    file = tmp_path / "service.yaml"
    text = SERVICE.replace("NAME", "red").replace("FORMAT", "wine")
    file.write_text(text.replace("cellar://red", "red"), "utf-8")
    away = tmp_path / "away"
    away.mkdir()
    monkeypatch.chdir(away)

    there = CliRunner().invoke(main, ["explain", "../service.yaml"])
    (tmp_path / "red").rmdir()
    missing = CliRunner().invoke(main, ["explain", str(file)])

    assert f"{away}/../red by " in there.stdout
    assert "does not exist" not in there.stderr
    assert f"warning: default/red: {tmp_path}/red does not exist yet" in missing.stderr
    assert missing.exit_code == 0


def test_the_url_of_a_cluster_is_not_said_to_be_a_laptops(explain: Any) -> None:
    url = "http://red-default.example.com"
    assert url not in explain(("red", "wine")).stdout
    assert url in explain(("red", "wine"), options=("--backend", "kubernetes")).stdout
