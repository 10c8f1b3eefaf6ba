from __future__ import annotations

from typing import Any

import msgspec
import pytest

from inferry.errors import PlanningError
from inferry.planning import plan
from inferry.plugins import Option

CUSTOM = """
containers:
  - name: kserve-container
    image: mine
    env:
      - {name: STORAGE_URI, value: "https://example.org/x"}
      - {name: PROTOCOL, value: v2}
"""


def predictor(service: Any, catalog: Any, backend: str = "local") -> Any:
    (revision,) = plan(service, catalog, backend=backend).revisions
    return revision.component("predictor")


@pytest.mark.parametrize("allowed", [True, False])
def test_a_service_that_allows_pickles_trusts_its_model(
    kitchen: Any, *, allowed: bool
) -> None:
    """One consent is enough: the fetch then looks for no code."""
    args = f"args: [--allowPickle={str(allowed).lower()}]\n"
    part = predictor(kitchen.model(args), kitchen.catalog())
    assert [each.trusted for each in part.sources] == [allowed]


def test_a_model_names_the_secrets_that_its_fetch_may_read(kitchen: Any) -> None:
    service = kitchen.service(
        "serviceAccountName: me\n"
        "imagePullSecrets: [{name: pull}]\n"
        "annotations: {serving.kserve.io/storageSecretName: minio}\n"
        "model: {modelFormat: {name: sklearn}, storageUri: /a}"
    )
    (source,) = predictor(service, kitchen.catalog()).sources
    assert (source.service_account, source.pull_secrets) == ("me", ("pull",))
    assert source.secrets == ("minio",)


def test_a_model_is_planned_whole(kitchen: Any) -> None:
    part = predictor(kitchen.model("args: [--threads=3]\n"), kitchen.catalog())
    assert part.runtime.name == "sklearn"
    assert (part.runtime.plugin, part.runtime.version) == ("acme-sklearn", "1.2.3")
    assert part.model.name == "iris"
    assert (part.model.format, part.model.format_version) == ("sklearn", "1")
    assert part.model.target == "acme_sklearn.model:Model"
    assert part.model.options == {
        "allowPickle": False,
        "method": "predict",
        "threads": 3,
        "threshold": None,
    }
    assert [each.uri for each in part.sources] == ["https://example.org/iris"]
    assert part.storage_backends == ("local",)
    assert (part.protocol, part.protocols) == ("v1", ("v1", "v2"))


def test_args_of_the_runtime_come_before_those_of_the_service(kitchen: Any) -> None:
    part = predictor(kitchen.model("args: [--threads=3]\n"), kitchen.catalog())
    assert part.container["args"] == [
        "--model_name=iris",
        "--model_dir=/mnt/models",
        "--threads=3",
    ]


def test_the_environment_is_merged_and_stays_in_the_container(kitchen: Any) -> None:
    service = kitchen.model("env: [{name: A, value: '{{.Namespace}}'}]\n")
    assert predictor(service, kitchen.catalog()).container["env"] == [
        {"name": "LEVEL", "value": "info"},
        {"name": "A", "value": "default"},
    ]


def test_model_name_of_the_args_names_the_model(kitchen: Any) -> None:
    service = kitchen.model("args: [--model_name=other]\n")
    assert predictor(service, kitchen.catalog()).model.name == "other"


def test_runtime_version_replaces_the_tag_on_a_cluster(kitchen: Any) -> None:
    service = kitchen.model("runtimeVersion: '9'\n")
    part = predictor(service, kitchen.catalog(), "kubernetes")
    assert part.container["image"] == "ghcr.io/inferry/inferry-runtime-sklearn:9"


def test_labels_of_the_component_win_over_the_services(kitchen: Any) -> None:
    service = kitchen.model(
        metadata="labels: {a: service, b: service}",
    )
    part = predictor(service, kitchen.catalog())
    assert part.labels == {
        "a": "service",
        "b": "service",
        "component": "predictor",
        "serving.kserve.io/inferenceservice": "iris",
    }
    service = kitchen.service(
        "labels: {a: component}\n"
        "model: {modelFormat: {name: sklearn}, storageUri: 'https://example.org/iris'}",
        metadata="labels: {a: service, b: service}",
    )
    labels = predictor(service, kitchen.catalog()).labels
    assert (labels["a"], labels["b"]) == ("component", "service")


def test_timeout_and_concurrency_are_carried(kitchen: Any) -> None:
    service = kitchen.service(
        "timeout: 30\ncontainerConcurrency: 4\n"
        "model: {modelFormat: {name: sklearn}, storageUri: 'https://example.org/iris'}"
    )
    part = predictor(service, kitchen.catalog())
    assert (part.timeout, part.concurrency) == (30.0, 4)


def test_a_model_without_a_place_is_refused_where_files_are_looked_for(
    kitchen: Any,
) -> None:
    service = kitchen.service("model: {modelFormat: {name: sklearn}}")
    with pytest.raises(PlanningError) as raised:
        plan(service, kitchen.catalog())
    assert raised.value.remedy == (
        "set spec.predictor.model.storageUri; the runtime 'sklearn' looks there for "
        "*.skops; or apply TrainedModels for the service together with it"
    )


def test_who_names_a_model_of_the_hub_in_args_is_told_the_uri(kitchen: Any) -> None:
    runtime = kitchen.runtime(
        "huggingface", artifacts=("*.safetensors",), options=(Option(name="modelId"),)
    )
    service = kitchen.service("huggingface: {args: [--model_id=acme/bert]}")
    with pytest.raises(PlanningError) as raised:
        plan(service, kitchen.catalog(runtime, kitchen.files))
    assert raised.value.remedy.startswith(
        "set spec.predictor.model.storageUri to hf://OWNER/NAME in place of "
        "--model_id=acme/bert; the runtime 'huggingface' looks there for *.safetensors"
    )


def test_a_service_that_hosts_models_needs_none_of_its_own(kitchen: Any) -> None:
    service = kitchen.service("model: {modelFormat: {name: sklearn}}")
    made = plan(service, kitchen.catalog(), hosts_models=True)
    assert made.revisions[0].components[0].sources == ()


def test_a_runtime_without_a_plugin_serves_on_clusters_only(kitchen: Any) -> None:
    catalog = kitchen.catalog(
        kitchen.files,
        documents="""
            apiVersion: serving.kserve.io/v1alpha1
            kind: ClusterServingRuntime
            metadata: {name: yaml-only}
            spec:
              supportedModelFormats: [{name: sklearn, autoSelect: true}]
              containers:
                - {name: kserve-container, image: i, args: [--odd=1]}
                - {name: sidecar, image: s}
        """,
    )
    service = kitchen.model()
    with pytest.raises(PlanningError, match="runs only in a container") as raised:
        plan(service, catalog)
    assert raised.value.reason == "NotSupportedByBackend"
    part = predictor(service, catalog, "kubernetes")
    assert part.model.target == ""
    assert part.container["args"] == ["--odd=1"]
    assert part.pod["containers"] == [{"name": "sidecar", "image": "s"}]


def test_a_runtime_without_its_container_is_refused(kitchen: Any) -> None:
    catalog = kitchen.catalog(
        kitchen.sklearn,
        kitchen.files,
        documents="""
            apiVersion: serving.kserve.io/v1alpha1
            kind: ClusterServingRuntime
            metadata: {name: sklearn}
            spec:
              supportedModelFormats: [{name: sklearn, autoSelect: true}]
              containers: [{name: kserve-container, image: i}]
        """,
    )
    entry = catalog.runtimes[0]
    entry.pod["containers"].clear()
    with pytest.raises(PlanningError, match="no container called kserve-container"):
        plan(kitchen.model(), catalog)


def test_a_custom_predictor_is_its_container(kitchen: Any) -> None:
    part = predictor(kitchen.service(CUSTOM), kitchen.catalog(), "kubernetes")
    assert part.model is None
    assert part.runtime is None
    assert part.container["image"] == "mine"
    assert [each.uri for each in part.sources] == ["https://example.org/x"]
    assert part.protocol == "v2"


def test_transformer_and_explainer_are_components_of_the_stable_revision(
    kitchen: Any,
) -> None:
    service = kitchen.model(
        spec="transformer: {containers: [{name: kserve-container, image: t}]}\n"
        "explainer: {containers: [{name: kserve-container, image: e}]}",
    )
    (revision,) = plan(service, kitchen.catalog(), backend="kubernetes").revisions
    assert [each.component for each in revision.components] == [
        "predictor",
        "transformer",
        "explainer",
    ]
    assert revision.component("transformer").container["image"] == "t"


def test_kserves_runtimes_with_hidden_labels_work_unchanged(kitchen: Any) -> None:
    catalog = kitchen.catalog(
        kitchen.files,
        documents="""
            apiVersion: serving.kserve.io/v1alpha1
            kind: ClusterServingRuntime
            metadata: {name: kserve-mlserver}
            spec:
              supportedModelFormats: [{name: sklearn, autoSelect: true}]
              protocolVersions: [v2]
              containers:
                - name: kserve-container
                  image: mlserver
                  env:
                    - name: MLSERVER_MODEL_IMPLEMENTATION
                      value: "{{.Labels.modelClass}}"
        """,
    )
    part = predictor(kitchen.model(), catalog, "kubernetes")
    env = {each["name"]: each["value"] for each in part.container["env"]}
    assert env == {
        "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_sklearn.SKLearnModel",
        "MLSERVER_MODEL_NAME": "iris",
        "MLSERVER_MODEL_URI": "/mnt/models",
    }
    assert part.labels["modelClass"] == "mlserver_sklearn.SKLearnModel"


@pytest.mark.parametrize("backend", ["kubernetes", "local"])
def test_a_newer_plugin_restarts_nothing_on_a_cluster(
    kitchen: Any, backend: str
) -> None:
    """The image and the revision stay those of the version that serves now."""
    service, catalog = kitchen.model(), kitchen.catalog()
    (first,) = plan(service, catalog, backend=backend).revisions
    runtime = first.component("predictor").runtime
    older = msgspec.structs.replace(runtime, version="1.0.0")
    (before,) = plan(service, catalog, backend=backend, previous=older).revisions
    part = before.component("predictor")
    if backend == "local":
        assert before == first
        return
    assert part.runtime.version == "1.0.0"
    assert part.container["image"].endswith(":1.0.0")
    assert first.component("predictor").container["image"].endswith(":1.2.3")
    assert before.name != first.name
