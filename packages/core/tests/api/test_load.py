from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from inferry.api import load, loads, to_dict
from inferry.errors import InvalidDocument

if TYPE_CHECKING:
    from typing import Any

GOOD = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: iris
spec:
  predictor:
    sklearn:
      storageUri: s3://b/m
"""

SAMPLES = {
    "legacy": GOOD,
    "model": """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: cifar
  annotations: {serving.kserve.io/deploymentMode: RawDeployment}
spec:
  predictor:
    minReplicas: 1
    maxReplicas: 3
    scaleTarget: 80
    scaleMetric: cpu
    serviceAccountName: models
    nodeSelector: {gpu: "true"}
    model:
      modelFormat: {name: pytorch, version: "2"}
      protocolVersion: v2
      storageUri: pvc://claim/cifar
      args: [--workers=2]
      resources:
        limits: {cpu: "1", memory: 2Gi, nvidia.com/gpu: 1}
""",
    "custom": """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: custom}
spec:
  predictor:
    timeout: 60
    containers:
      - name: kserve-container
        image: example.com/model:v1
        env: [{name: PROTOCOL, value: v2}]
        ports: [{containerPort: 8080, protocol: TCP}]
""",
    "canaries": """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: canaries}
spec:
  predictor:
    model: {modelFormat: {name: sklearn}, storageUri: gs://b/v1}
  canary:
    - trafficPercent: 20
      predictor:
        name: v2
        model: {modelFormat: {name: sklearn}, storageUri: gs://b/v2}
""",
    "canary map": """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: canary}
spec:
  canaryTrafficPercent: 10
  predictor: {onnx: {storageUri: gs://b/v1}}
  canary:
    predictor: {onnx: {storageUri: gs://b/v2}}
""",
    "transformer": """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: images}
spec:
  predictor:
    model: {modelFormat: {name: tensorflow}, storageUri: hf://o/m}
    logger: {mode: all, url: http://sink}
    batcher: {maxBatchSize: 32, maxLatency: 50}
  transformer:
    containers:
      - image: example.com/transformer
        name: transformer
        command: [python, -m, model]
  explainer:
    art: {type: SquareAttack, config: {nb_classes: "10"}}
""",
    "runtime": """\
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: {name: mine}
spec:
  annotations: {prometheus.kserve.io/port: "8080"}
  supportedModelFormats: [{name: sklearn, version: "1", autoSelect: true, priority: 1}]
  protocolVersions: [v1, v2]
  containers:
    - name: kserve-container
      image: example.com/server
      args: ["--model_name={{.Name}}"]
      resources: {requests: {cpu: 500m}}
---
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterServingRuntime
metadata: {name: wide}
spec:
  containers: [{name: kserve-container, image: i}]
  workerSpec:
    pipelineParallelSize: 2
    containers: [{name: worker-container, image: i}]
---
"""
    + GOOD,
}


def documents(text: Any) -> Any:
    loaded = loads(text)
    assert loaded.problems == ()
    return [each.document for each in loaded.documents]


@pytest.mark.parametrize("name", SAMPLES)
def test_documents_as_people_write_them_load_and_round_trip(name: str) -> None:
    for document in documents(SAMPLES[name]):
        plain = to_dict(document)

        assert documents(yaml.safe_dump(plain)) == [document]
        assert documents(json.dumps(plain)) == [document]


def test_pod_and_container_fields_are_inlined_again() -> None:
    (document,) = documents(SAMPLES["model"])

    plain = to_dict(document)

    assert list(plain)[:2] == ["apiVersion", "kind"]
    assert plain["spec"]["predictor"]["serviceAccountName"] == "models"
    assert plain["spec"]["predictor"]["model"]["args"] == ["--workers=2"]
    assert "pod" not in plain["spec"]["predictor"]
    assert plain["metadata"]["annotations"] == {
        "serving.kserve.io/deploymentMode": "Standard",
        "modelFormat": "pytorch",
    }


text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]))
label = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?", fullmatch=True)
quantity = st.integers(0, 100) | st.sampled_from(["500m", "1Gi", "2e3", "1.5"])
container = st.fixed_dictionaries(
    {},
    optional={
        "args": st.lists(text),
        "env": st.lists(
            st.fixed_dictionaries({"name": label, "value": text}),
            unique_by=lambda entry: entry["name"],
        ),
        "resources": st.fixed_dictionaries(
            {"limits": st.dictionaries(label, quantity, max_size=3)}
        ),
        "stdin": st.booleans(),
        "workingDir": text,
    },
)
model = st.builds(
    lambda fields, model: fields | model,
    container,
    st.fixed_dictionaries(
        {"modelFormat": st.fixed_dictionaries({"name": text})},
        optional={
            "runtime": text,
            "protocolVersion": st.sampled_from(["v1", "v2", "grpc-v2"]),
            "storageUri": st.sampled_from(["s3://b/m", "/models", "hf://o/m"]),
            "storage": st.fixed_dictionaries(
                {"key": text, "parameters": st.dictionaries(text, text, max_size=3)}
            ),
        },
    ),
)
predictor = st.fixed_dictionaries(
    {"model": model},
    optional={
        "minReplicas": st.integers(0, 1),
        "maxReplicas": st.integers(1, 3),
        "canaryTrafficPercent": st.integers(0, 100),
        "nodeSelector": st.dictionaries(text, text, max_size=3),
        "tolerations": st.lists(st.fixed_dictionaries({"key": text}), max_size=2),
        "labels": st.dictionaries(label, label, max_size=3),
        "logger": st.fixed_dictionaries({"mode": st.sampled_from(["all", "request"])}),
    },
)


@settings(max_examples=60)
@given(predictor, st.dictionaries(label, text, max_size=3))
def test_what_is_written_back_loads_as_the_same(
    predictor: Any, annotations: Any
) -> None:
    head = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"}
    metadata = {"name": "a", "annotations": annotations}
    written = head | {"metadata": metadata, "spec": {"predictor": predictor}}
    (document,) = (each for each in documents(yaml.safe_dump(written)))

    again = documents(yaml.safe_dump(to_dict(document), allow_unicode=True))

    assert again == [document]


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_document_gives_problems_and_never_raises(data: Any) -> None:
    whole = data.draw(st.sampled_from(list(SAMPLES.values())))
    start = data.draw(st.integers(0, len(whole)))
    length = data.draw(st.integers(0, 30))
    noise = data.draw(st.text("{}[]:-&*!|>'\"%@`,?# \n\tab0", max_size=6))

    loaded = loads(whole[:start] + noise + whole[start + length :])

    for problem in loaded.problems:
        assert problem.message
        assert str(problem)


@given(st.binary(max_size=200))
def test_bytes_from_a_file_never_raise(
    tmp_path_factory: pytest.TempPathFactory, content: Any
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "service.yaml"
    path.write_bytes(content)

    loaded = load([path])

    assert loaded.documents == ()
    assert loaded.problems


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(GOOD)
    (tmp_path / "a.json").write_text(
        json.dumps(yaml.safe_load(GOOD)).replace("iris", "a")
    )
    (tmp_path / "c.yml").write_text(GOOD.replace("iris", "c"))
    (tmp_path / "notes.txt").write_text("no document")

    loaded = load([tmp_path])

    assert loaded.problems == ()
    names = [each.document.metadata.name for each in loaded.documents]
    assert names == ["a", "iris", "c"]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    (problem,) = load([tmp_path]).problems

    assert "holds no file that ends in .yaml, .yml, .json" in problem.message


def test_a_url_is_no_file_and_says_how_to_read_it() -> None:
    (problem,) = load([Path("https://example.test/service.yaml")]).problems

    assert "is a URL; fetch it: `curl -fsSL URL | inferry … -`" in problem.message


def test_a_missing_file_names_a_similar_one(tmp_path: Path) -> None:
    (tmp_path / "service.yaml").write_text(GOOD)

    (problem,) = load([tmp_path / "servce.yaml"]).problems

    assert str(problem) == (
        f"{tmp_path}/servce.yaml: error: does not exist; did you mean 'service.yaml'?"
    )
    assert "does not exist" in load([tmp_path / "x" / "y.yaml"]).problems[0].message


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_an_impossible_path_is_told(path: str) -> None:
    (problem,) = load([path]).problems

    assert "cannot be read" in problem.message


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = SimpleNamespace(buffer=io.BytesIO(GOOD.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)

    (located,) = load(["-"]).documents

    assert located.origin.file == "<stdin>"


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as stream:
        stream.truncate(1 << 30)

    (problem,) = load([path]).problems

    assert problem.message == "is larger than 4 MiB"


def test_files_clash_across_the_paths(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(GOOD)

    loaded = load([tmp_path / "a.yaml", tmp_path / "b.yaml"])

    assert [each.origin.file for each in loaded.documents] == [str(tmp_path / "a.yaml")]
    assert f"{tmp_path}/a.yaml:1 already" in loaded.problems[0].message


def test_problems_are_raised_together() -> None:
    loaded = loads("a: 1\n---\nb: 2\n", file="f")

    with pytest.raises(InvalidDocument) as caught:
        loaded.raise_for_problems()

    assert caught.value.message == "4 errors in f"
    assert caught.value.problems == tuple(str(each) for each in loaded.errors)
    assert "f:1:1: error: apiVersion: is required" in str(caught.value)
    loads(GOOD).raise_for_problems()
