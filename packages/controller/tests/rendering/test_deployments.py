"""Deployments."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from inferry_controller.options import RenderOptions
from inferry_controller.rendering.deployments import deployment
from inferry_controller.rendering.placement import fresh

if TYPE_CHECKING:
    from conftest import Bench

MODEL = "model: {modelFormat: {name: acme}, storageUri: 's3://b/m'}\n"


def made(
    bench: Bench,
    predictor: str = MODEL,
    *,
    replicas: int | None = 1,
    options: RenderOptions | None = None,
    **placed: Any,
) -> dict[str, Any]:
    plan = bench.planned(bench.service(predictor))
    placement = msgspec.structs.replace(fresh(plan)[0], **placed)
    component = placement.revision.components[0]
    return deployment(
        component,
        placement,
        plan,
        options or RenderOptions(),
        {"metadata": {}, "spec": {}},
        replicas=replicas,
    )


def test_names_labels_and_selector_are_those_of_kserve(bench: Bench) -> None:
    found = made(bench)
    assert found["metadata"]["name"] == "iris-predictor"
    assert found["metadata"]["namespace"] == "team"
    assert found["spec"]["selector"] == {"matchLabels": {"app": "isvc.iris-predictor"}}
    labels = found["metadata"]["labels"]
    assert labels["app"] == "isvc.iris-predictor"
    assert labels["serving.kserve.io/inferenceservice"] == "iris"
    assert labels["component"] == "predictor"
    assert labels["app.kubernetes.io/managed-by"] == "inferry-controller"
    assert labels["inferry.dev/revision"]


def test_the_old_pods_serve_until_the_new_ones_do(bench: Bench) -> None:
    spec = made(bench)["spec"]
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0},
    }
    assert spec["revisionHistoryLimit"] == 10
    assert spec["progressDeadlineSeconds"] == 600


def test_a_strategy_of_ones_own_stays(bench: Bench) -> None:
    own = "deploymentStrategy: {type: Recreate}\n"
    assert made(bench, MODEL + own)["spec"]["strategy"] == {"type": "Recreate"}


def test_the_platform_says_how_many_more_pods_there_may_be(bench: Bench) -> None:
    options = RenderOptions(max_surge="0", max_unavailable="50%")
    assert made(bench, options=options)["spec"]["strategy"]["rollingUpdate"] == {
        "maxSurge": 0,
        "maxUnavailable": "50%",
    }


def test_a_model_that_loads_long_is_given_its_time(bench: Bench) -> None:
    own = "model:\n  modelFormat: {name: acme}\n  storageUri: 's3://b/m'\n"
    spec = made(bench, own + "  args: [--load_timeout=3600]\n")["spec"]
    assert spec["progressDeadlineSeconds"] == 3600


@pytest.mark.parametrize(
    ("replicas", "kept", "expected"),
    [(3, False, 3), (None, False, None), (3, True, 0), (None, True, 0)],
)
def test_replicas_are_said_only_where_nobody_else_decides(
    bench: Bench, replicas: int | None, expected: int | None, *, kept: bool
) -> None:
    found = made(bench, replicas=replicas, kept=kept)
    assert found["spec"].get("replicas") == expected


def test_a_revision_of_its_own_has_a_name_of_its_own(bench: Bench) -> None:
    found = made(bench, slot="@1969714541", main=False)
    assert found["metadata"]["name"] == "iris-predictor-1969714541"
    assert found["spec"]["selector"]["matchLabels"]["app"] == (
        "isvc.iris-predictor-1969714541"
    )


def test_what_it_was_made_of_is_kept_for_a_rollback(bench: Bench) -> None:
    spec = json.dumps({"predictor": {}})
    annotations = made(bench, spec=spec)["metadata"]["annotations"]
    assert annotations["inferry.dev/revision-spec"] == spec
