"""``inferry render``: what it prints, where, and when it fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner, Result
from inferry_controller.cli.render import render

from inferry.errors import InferryError, InvalidDocument

if TYPE_CHECKING:
    from pathlib import Path

RUNTIME = """
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterServingRuntime
metadata: {name: acme}
spec:
  supportedModelFormats: [{name: acme, version: "1", autoSelect: true}]
  containers: [{name: kserve-container, image: acme/server}]
"""
SERVICE = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: iris}
spec:
  predictor:
    model: {modelFormat: {name: acme}, storageUri: "pvc://models/iris"}
    serviceAccountName: reader
"""
INITIALIZER = """
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterStorageContainer
metadata: {name: theirs}
spec:
  container: {name: storage-initializer, image: acme/initializer}
  supportedUriFormats: [{prefix: "s3://"}]
"""


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def _run(*documents: str, more: tuple[str, ...] = ()) -> Result:
    text = "---".join(documents)
    return CliRunner().invoke(render, ["-", *more], input=text, catch_exceptions=False)


def _objects(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return list(yaml.safe_load_all(result.stdout))


def test_objects_are_printed_in_the_order_of_applying() -> None:
    """What others look for comes first, and what leads there comes last."""
    objects = _objects(_run(RUNTIME, SERVICE))
    assert [each["kind"] for each in objects] == ["Service", "Deployment", "HTTPRoute"]
    (deployment,) = (each for each in objects if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "acme/server"


def test_json_is_one_list_for_kubectl() -> None:
    """A stream of documents is no JSON."""
    result = _run(RUNTIME, SERVICE, more=("-o", "json"))
    printed = json.loads(result.stdout)
    assert (printed["kind"], len(printed["items"])) == ("List", 3)


def test_nothing_is_an_anchor() -> None:
    """What stands twice is written twice, for who reads or cuts it."""
    explainer = "  explainer: {containers: [{name: e, image: e}]}\n"
    result = _run(RUNTIME, SERVICE + explainer)
    assert "&id" not in result.stdout


def test_several_services_are_rendered_one_after_the_other() -> None:
    """Each with all of its objects."""
    other = SERVICE.replace("name: iris", "name: rose")
    names = [
        each["metadata"]["name"] for each in _objects(_run(RUNTIME, SERVICE, other))
    ]
    assert names == [
        *("iris-predictor", "iris-predictor", "iris"),
        *("rose-predictor", "rose-predictor", "rose"),
    ]


def test_what_has_to_be_there_is_told_unless_the_file_brings_it() -> None:
    """On standard error, so that the objects can be piped."""
    told = _run(RUNTIME, SERVICE).stderr.splitlines()
    assert told == [
        f"note: default/iris: it needs the {each} in the namespace default"
        for each in ("PersistentVolumeClaim models", "ServiceAccount reader")
    ]
    account = "\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: reader}\n"
    assert "ServiceAccount" not in _run(RUNTIME, SERVICE, account).stderr


def test_what_is_not_honoured_is_told() -> None:
    """With its path, what is wrong and what to do."""
    result = _run(RUNTIME, SERVICE + "    minReplicas: 0\n    scaleMetric: rps\n")
    assert result.exit_code == 0
    assert "note: default/iris: spec.predictor.minReplicas: an HPA keeps" in (
        result.stderr
    )
    assert "spec.predictor.scaleMetric" in result.stderr


def test_storage_container_of_the_file_fetches_the_model() -> None:
    """As it would in a cluster where it is applied."""
    service = SERVICE.replace("pvc://models/iris", "s3://models/iris")
    objects = _objects(_run(RUNTIME, INITIALIZER, service))
    (deployment,) = (each for each in objects if each["kind"] == "Deployment")
    (fetching,) = deployment["spec"]["template"]["spec"]["initContainers"]
    assert fetching["image"] == "acme/initializer"


def test_namespace_is_that_of_documents_that_name_none() -> None:
    """As kubectl has it."""
    named = SERVICE.replace("name: iris", "name: rose, namespace: own")
    objects = _objects(_run(RUNTIME, SERVICE, named, more=("-n", "team")))
    assert {each["metadata"]["namespace"] for each in objects} == {"team", "own"}


def test_mode_is_chosen_by_a_flag_for_those_that_name_none() -> None:
    """An annotation wins over it."""
    objects = _objects(_run(RUNTIME, SERVICE, more=("--mode", "knative")))
    assert objects[0]["apiVersion"] == "serving.kserve.io/v1".replace(
        "serving.kserve.io", "serving.knative.dev"
    )
    own = "metadata: {name: iris, annotations: {serving.kserve.io/deploymentMode: %s}}"
    annotated = SERVICE.replace("metadata: {name: iris}", own % "Standard")
    objects = _objects(_run(RUNTIME, annotated, more=("--mode", "knative")))
    assert "Deployment" in {each["kind"] for each in objects}


def test_config_map_of_a_cluster_is_honoured(tmp_path: Path) -> None:
    """KServe's keys are settings."""
    file = tmp_path / "config.yaml"
    ingress = json.dumps({"ingressDomain": "models.example.org"})
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "inferenceservice-config"},
        "data": {"ingress": ingress},
    }
    file.write_text(yaml.safe_dump(config))
    objects = _objects(_run(RUNTIME, SERVICE, more=("--config-map", str(file))))
    assert "models.example.org" in str(objects)


def test_settings_of_plugins_reach_the_pods(tmp_path: Path) -> None:
    """A plugin declares them, and the options are read only then."""
    pytest.importorskip("inferry_storage", reason="its settings are its own")
    (tmp_path / "inferry.toml").write_text("[storage]\nstall_seconds = 7\n")
    service = SERVICE.replace("pvc://models/iris", "s3://models/iris")
    result = _run(RUNTIME, service)
    assert "INFERRY_STORAGE__STALL_SECONDS" in result.stdout


def test_service_that_cannot_be_served_fails_and_the_others_are_printed() -> None:
    """With its reason and remedy, as `inferry explain`."""
    odd = SERVICE.replace("name: iris", "name: odd").replace("name: acme", "name: what")
    result = _run(RUNTIME, odd, SERVICE)
    assert result.exit_code == 1
    assert "error: default/odd: " in result.stderr
    assert "(NoSupportingRuntime)" in result.stderr
    assert "iris-predictor" in result.stdout


def test_stopped_service_is_no_object() -> None:
    """And says so."""
    stopped = SERVICE.replace(
        "{name: iris}",
        '{name: iris, annotations: {serving.kserve.io/stop: "true"}}',
    )
    result = _run(RUNTIME, stopped)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "it is stopped by its annotation" in result.stderr


def test_file_without_a_service_is_an_error() -> None:
    """Nothing would be printed, and nobody would know why."""
    with pytest.raises(InferryError, match="no InferenceService"):
        _run(RUNTIME)


def test_document_that_is_wrong_is_an_error() -> None:
    """All problems at once, as `inferry validate`."""
    with pytest.raises(InvalidDocument):
        _run(SERVICE.replace("predictor:", "predicter:"))
