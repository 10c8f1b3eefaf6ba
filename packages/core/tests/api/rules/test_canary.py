from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inferry.api import Loaded

MODEL = {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://b/m"}}


def canary(percent: Any = 10, **fields: Any) -> Any:
    return {"predictor": MODEL | {"name": "next"} | fields, "trafficPercent": percent}


def spec(*canaries: Any, **stable: Any) -> Any:
    return {"predictor": MODEL | stable, "canary": list(canaries)}


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        (spec(canary(name=None)), "[0].predictor.name", "is required"),
        (spec(canary(), canary()), "[1].predictor.name", "canary[0] too"),
        (spec(canary(), name="next"), "[0].predictor.name", "stable predictor too"),
        (spec(canary(101)), "[0].trafficPercent", "from 0 to 100"),
        (spec(canary(-1)), "[0].trafficPercent", "from 0 to 100"),
        (spec(canary(60), canary(60, name="b")), "", "add up to 120"),
        (spec(canary(maxReplicas=2)), "[0].predictor.maxReplicas", "fixed number"),
        (spec(canary(scaleTarget=2)), "[0].predictor.scaleTarget", "fixed number"),
        (spec(canary(scaleMetric="rps")), "[0].predictor.scaleMetric", "fixed"),
        (spec(canary(minReplicas=2)), "[0].predictor.minReplicas", "stable"),
        (
            spec(canary(minReplicas=1), minReplicas=0),
            "[0].predictor.minReplicas",
            "stable predictor's 0",
        ),
        (
            spec(canary(canaryTrafficPercent=5)),
            "[0].predictor.canaryTrafficPercent",
            "no meaning in a canary",
        ),
    ],
)
def test_a_wrong_canary_is_told(
    service: Callable[..., Loaded], document: Any, path: str, words: str
) -> None:
    problems = [
        each for each in service(document).problems if each.path == f"spec.canary{path}"
    ]

    assert len(problems) == 1
    assert words in problems[0].message


@pytest.mark.parametrize(
    "document",
    [
        spec(canary()),
        spec(canary(0), canary(100, name="b")),
        spec(canary(minReplicas=2), minReplicas=2),
        {"predictor": MODEL | {"canaryTrafficPercent": 20}},
        {"predictor": MODEL, "canaryTrafficPercent": 20},
        {"predictor": MODEL, "canaryTrafficPercent": 0, "canary": {"predictor": MODEL}},
    ],
)
def test_a_right_canary_passes(service: Callable[..., Loaded], document: Any) -> None:
    assert service(document).problems == ()


def test_a_list_of_canaries_needs_standard(service: Callable[..., Loaded]) -> None:
    mode = {"serving.kserve.io/deploymentMode": "Serverless"}

    (problem,) = service(spec(canary()), annotations=mode).problems

    assert problem.path == "spec.canary"
    assert "Standard" in problem.message


def test_a_canary_runs_on_one_node(service: Callable[..., Loaded]) -> None:
    model = {"model": MODEL["model"] | {"storageUri": "pvc://claim"}}

    (problem,) = service(spec(canary(workerSpec={"containers": []}, **model))).problems

    assert problem.path == "spec.canary[0].predictor.workerSpec"


def test_two_different_shares_are_a_warning(service: Callable[..., Loaded]) -> None:
    document = {
        "predictor": MODEL | {"canaryTrafficPercent": 20},
        "canaryTrafficPercent": 30,
    }

    (problem,) = service(document).problems

    assert problem.severity == "warning"
    assert "30 in spec" in problem.message


def test_a_share_beside_a_list_is_refused(service: Callable[..., Loaded]) -> None:
    (problem,) = service(spec(canary(), canaryTrafficPercent=5)).problems

    assert problem.path == "spec.predictor.canaryTrafficPercent"
    assert problem.severity == "error"


def test_a_canary_without_a_share_is_a_warning(service: Callable[..., Loaded]) -> None:
    (problem,) = service({"predictor": MODEL, "canary": {"predictor": MODEL}}).problems

    assert (problem.path, problem.severity) == ("spec.canary", "warning")


def test_a_canary_without_an_implementation_is_told(
    service: Callable[..., Loaded],
) -> None:
    document = {
        "predictor": MODEL,
        "canaryTrafficPercent": 5,
        "canary": {"predictor": {"minReplicas": 1}},
    }

    (problem,) = service(document).problems

    assert problem.path == "spec.canary.predictor"
