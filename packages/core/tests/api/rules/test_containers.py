from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inferry.api import Loaded

MODEL = {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://b/m"}
MAIN = {"name": "kserve-container", "image": "i"}


def paths(loaded: Any) -> Any:
    return [each.path for each in loaded.problems]


@pytest.mark.parametrize(
    ("spec", "path", "words"),
    [
        ({"predictor": {}}, "spec.predictor", "has no implementation"),
        ({"predictor": {"minReplicas": 1}}, "spec.predictor", "has no implementation"),
        (
            {"predictor": {"sklearn": {"storageUri": "a"}, "onnx": {}}},
            "spec.predictor.onnx",
            "sklearn and onnx are two implementations",
        ),
        (
            {"predictor": {"model": MODEL, "sklearn": {"storageUri": "a"}}},
            "spec.predictor.sklearn",
            "model and sklearn are two",
        ),
        (
            {"predictor": {"model": MODEL, "onnx": {}}},
            "spec.predictor.onnx",
            "model and onnx are two",
        ),
        (
            {"predictor": {"model": MODEL, "containers": [MAIN]}},
            "spec.predictor.containers",
            "model and containers are two",
        ),
        (
            {"predictor": {"containers": [MAIN | {"name": "a"}, MAIN | {"name": "b"}]}},
            "spec.predictor.containers",
            "none is named kserve-container",
        ),
        (
            {"predictor": {"model": MODEL}, "transformer": {"minReplicas": 1}},
            "spec.transformer",
            "has no implementation",
        ),
        (
            {"predictor": {"model": MODEL}, "explainer": {}},
            "spec.explainer",
            "has no implementation",
        ),
        (
            {
                "predictor": {"model": MODEL},
                "explainer": {"art": {"type": "x"}, "containers": [MAIN]},
            },
            "spec.explainer.containers",
            "two implementations",
        ),
        ({"predictor": {"model": {}}}, "spec.predictor.model.modelFormat", "required"),
        (
            {"predictor": {"model": MODEL | {"name": "x"}}},
            "spec.predictor.model.name",
            "cannot be set",
        ),
        (
            {"predictor": {"sklearn": {"storageUri": "a", "name": "x"}}},
            "spec.predictor.sklearn.name",
            "cannot be set",
        ),
    ],
)
def test_each_component_has_one_implementation(
    service: Callable[..., Loaded], spec: Any, path: str, words: str
) -> None:
    (problem,) = service(spec).problems

    assert problem.path == path
    assert words in problem.message


@pytest.mark.parametrize(
    "spec",
    [
        {"predictor": {"model": MODEL}},
        {"predictor": {"sklearn": {"storageUri": "s3://b/m"}}},
        {"predictor": {"containers": [{"image": "i"}]}},
        {"predictor": {"containers": [{"image": "i", "name": "mine"}]}},
        {"predictor": {"containers": [{"image": "i"}, {"image": "j", "name": "b"}]}},
        {
            "predictor": {
                "model": MODEL,
                "containers": [{"name": "transformer-container", "image": "t"}],
            }
        },
        {"predictor": {"model": MODEL}, "transformer": {"containers": [MAIN]}},
        {"predictor": {"model": MODEL}, "explainer": {"containers": [MAIN]}},
        {
            "predictor": {"model": MODEL},
            "explainer": {"art": {"type": "SquareAttack", "config": {"a": "1"}}},
        },
    ],
)
def test_one_implementation_each_passes(
    service: Callable[..., Loaded], spec: Any
) -> None:
    assert service(spec).problems == ()


def test_an_empty_key_beside_its_own_model_is_a_warning(
    service: Callable[..., Loaded],
) -> None:
    loaded = service({"predictor": {"model": MODEL, "sklearn": {}}})

    (problem,) = loaded.problems
    assert (problem.severity, problem.path) == ("warning", "spec.predictor.sklearn")
    assert loaded.documents[0].document.spec.predictor.sklearn is None


@pytest.mark.parametrize("name", ["PYTHONPATH", "LD_PRELOAD"])
@pytest.mark.parametrize(
    ("where", "path"),
    [
        ("model", "spec.predictor.model.env[0]"),
        ("containers", "spec.predictor.containers[0].env[0]"),
        ("initContainers", "spec.predictor.initContainers[0].env[0]"),
        ("worker", "spec.predictor.workerSpec.containers[0].env[0]"),
        ("transformer", "spec.transformer.containers[0].env[0]"),
        ("explainer", "spec.explainer.art.env[0]"),
    ],
)
def test_no_container_gets_foreign_code(
    service: Callable[..., Loaded], name: str, where: str, path: str
) -> None:
    env = {"env": [{"name": name, "value": "/tmp"}]}
    beside = MAIN | {"name": "beside"} | env
    model = MODEL | {"storageUri": "pvc://claim"}
    spec = {
        "model": {"predictor": {"model": MODEL | env}},
        "containers": {"predictor": {"model": MODEL, "containers": [beside]}},
        "initContainers": {"predictor": {"model": MODEL, "initContainers": [beside]}},
        "worker": {
            "predictor": {"model": model, "workerSpec": {"containers": [beside]}}
        },
        "transformer": {
            "predictor": {"model": MODEL},
            "transformer": {"containers": [MAIN | env]},
        },
        "explainer": {
            "predictor": {"model": MODEL},
            "explainer": {"art": {"type": "x"} | env},
        },
    }[where]

    (problem,) = service(spec).problems

    assert problem.path == path
    assert name in problem.message


def test_another_variable_passes(service: Callable[..., Loaded]) -> None:
    env = [{"name": "LOG_LEVEL", "value": "debug"}]

    assert service({"predictor": {"model": MODEL | {"env": env}}}).problems == ()


@pytest.mark.parametrize(("value", "count"), [("v1", 0), ("v2", 0), ("v3", 1)])
def test_a_custom_protocol_is_one_we_speak(
    service: Callable[..., Loaded], value: Any, count: Any
) -> None:
    env = [{"name": "PROTOCOL", "value": value}]

    loaded = service({"predictor": {"containers": [MAIN | {"env": env}]}})

    assert paths(loaded) == ["spec.predictor.containers[0].env[0].value"] * count


@pytest.mark.parametrize(
    ("containers", "path", "words"),
    [
        ([MAIN, {"image": "i"}], "containers[1].name", "is required"),
        ([MAIN, MAIN], "containers[1].name", "another container"),
        ([MAIN, MAIN | {"name": "A"}], "containers[1].name", "lower case"),
        ([{"name": "kserve-container"}], "containers[0].image", "is required"),
    ],
)
def test_a_container_is_named_and_has_an_image(
    service: Callable[..., Loaded], containers: Any, path: str, words: str
) -> None:
    (problem,) = service({"predictor": {"containers": containers}}).problems

    assert problem.path == f"spec.predictor.{path}"
    assert words in problem.message


def test_a_mount_needs_its_volume(service: Callable[..., Loaded]) -> None:
    mounts = {"volumeMounts": [{"name": "dtaa", "mountPath": "/data"}]}
    spec = {"containers": [MAIN | mounts], "volumes": [{"name": "data"}]}

    (problem,) = service({"predictor": spec}).problems

    assert problem.path == "spec.predictor.containers[0].volumeMounts[0].name"
    assert problem.suggestion == "data"
    spec["volumes"] = [{"name": "dtaa", "emptyDir": {}}]
    assert service({"predictor": spec}).problems == ()


def test_a_request_is_no_more_than_its_limit(service: Callable[..., Loaded]) -> None:
    resources = {"requests": {"cpu": "1500m"}, "limits": {"cpu": 1, "memory": "1Gi"}}

    loaded = service({"predictor": {"model": MODEL | {"resources": resources}}})

    assert paths(loaded) == ["spec.predictor.model.resources.requests.cpu"]
    resources["limits"]["cpu"] = "2"
    loaded = service({"predictor": {"model": MODEL | {"resources": resources}}})
    assert loaded.problems == ()
