from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inferry.api import Loaded

MODEL = {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://b/m"}}
SPEC = {"predictor": MODEL}


@pytest.mark.parametrize(
    ("metadata", "path", "words"),
    [
        ({"name": "Iris"}, "metadata.name", "lower case letters"),
        ({"name": "1iris"}, "metadata.name", "starts with a letter"),
        ({"name": "iris-"}, "metadata.name", "lower case letters"),
        ({"name": "i" * 54}, "metadata.name", "64 characters"),
        ({"namespace": "My_Team"}, "metadata.namespace", "at most 63"),
        ({"namespace": "n" * 64}, "metadata.namespace", "at most 63"),
        ({"labels": {"team": "a b"}}, "metadata.labels.team", "a label has at most"),
        ({"labels": {"a/b/c": "x"}}, "metadata.labels[a/b/c]", "is no label key"),
        ({"labels": {"x" * 64: "x"}}, f"metadata.labels.{'x' * 64}", "no label key"),
        ({"annotations": {"-": "x"}}, "metadata.annotations.-", "no annotation key"),
        (
            {"annotations": {"serving.kserve.io/deploymentMode": "Raw"}},
            "metadata.annotations[serving.kserve.io/deploymentMode]",
            "none of Standard, Knative, ModelMesh",
        ),
        (
            {"annotations": {"serving.kserve.io/autoscalerClass": "kpa"}},
            "metadata.annotations[serving.kserve.io/autoscalerClass]",
            "none of hpa, keda, external, none",
        ),
    ],
)
def test_a_wrong_name_is_told(
    service: Callable[..., Loaded], metadata: Any, path: str, words: str
) -> None:
    (problem,) = service(SPEC, **metadata).problems

    assert (problem.path, problem.severity) == (path, "error")
    assert words in problem.message


@pytest.mark.parametrize(
    "metadata",
    [
        {"name": "iris"},
        {"name": "i" * 53},
        {"namespace": "team-1"},
        {"labels": {"example.com/team": "A_b.c-d", "empty": ""}},
        {"annotations": {"example.com/note": "any text, of any length"}},
        {"annotations": {"serving.kserve.io/deploymentMode": "RawDeployment"}},
        {"annotations": {"serving.kserve.io/autoscalerClass": "keda"}},
        {"annotations": {"serving.kserve.io/stop": "true"}},
    ],
)
def test_a_right_name_passes(service: Callable[..., Loaded], metadata: Any) -> None:
    assert service(SPEC, **metadata).problems == ()


def test_a_name_leaves_room_for_the_parts_a_service_has(
    service: Callable[..., Loaded],
) -> None:
    transformer = {"containers": [{"image": "i"}]}

    loaded = service(SPEC | {"transformer": transformer}, name="i" * 52)

    assert "iris" not in str(loaded.problems)
    assert "has 64 characters" in loaded.problems[0].message


def test_the_nearest_name_is_proposed(service: Callable[..., Loaded]) -> None:
    (problem,) = service(SPEC, name="My_Iris v2").problems

    assert problem.suggestion == "my-iris-v2"


def test_a_predictor_name_keeps_the_shape(service: Callable[..., Loaded]) -> None:
    (problem,) = service({"predictor": MODEL | {"name": "B_2"}}).problems

    assert problem.path == "spec.predictor.name"
    assert problem.suggestion == "b-2"
    assert service({"predictor": MODEL | {"name": "b-2"}}).problems == ()


def test_a_component_label_keeps_the_shape(service: Callable[..., Loaded]) -> None:
    (problem,) = service({"predictor": MODEL | {"labels": {"a": "b c"}}}).problems

    assert problem.path == "spec.predictor.labels.a"


def test_a_misspelt_annotation_is_a_warning(service: Callable[..., Loaded]) -> None:
    name = "serving.kserve.io/deploymentmode"

    (problem,) = service(SPEC, annotations={name: "Standard"}).problems

    assert problem.severity == "warning"
    assert problem.suggestion == "serving.kserve.io/deploymentMode"
