"""Who decides how many replicas there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from inferry_controller.rendering import Placement, fresh

if TYPE_CHECKING:
    from conftest import Bench
    from inferry_controller.rendering import Rendered

MODEL = "model: {modelFormat: {name: acme}, storageUri: 's3://b/m'}"
CLASS = "annotations: {serving.kserve.io/autoscalerClass: %s}"


def of_kind(rendered: Rendered, kind: str) -> list[dict[str, Any]]:
    """Return the objects of *kind*."""
    return [each for each in rendered.objects if each["kind"] == kind]


def _spec(rendered: Rendered) -> dict[str, Any]:
    (scaler,) = of_kind(rendered, "HorizontalPodAutoscaler")
    spec: dict[str, Any] = scaler["spec"]
    return spec


def _replicas(rendered: Rendered) -> dict[str, Any]:
    return {
        each["metadata"]["name"]: each["spec"].get("replicas")
        for each in of_kind(rendered, "Deployment")
    }


@pytest.mark.parametrize(
    ("text", "replicas"),
    [("", 1), ("minReplicas: 3", 3), ("minReplicas: 2\nmaxReplicas: 2", 2)],
)
def test_number_that_cannot_change_needs_no_autoscaler(
    bench: Bench, text: str, replicas: int
) -> None:
    """An HPA between equal bounds is a call for nothing."""
    rendered = bench.render(text)
    assert not of_kind(rendered, "HorizontalPodAutoscaler")
    assert _replicas(rendered) == {"iris-predictor": replicas}


def test_autoscaler_owns_the_replicas_that_it_decides_on(bench: Bench) -> None:
    """A Deployment that says them, too, would fight with it."""
    rendered = bench.render("minReplicas: 2\nmaxReplicas: 5")
    assert _replicas(rendered) == {"iris-predictor": None}
    assert _spec(rendered) == {
        "scaleTargetRef": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": "iris-predictor",
        },
        "minReplicas": 2,
        "maxReplicas": 5,
        "metrics": [_share("cpu", 80)],
    }


def _share(name: str, percent: int) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": name, "target": target}}


def _amount(name: str, amount: str) -> dict[str, Any]:
    target = {"type": "AverageValue", "averageValue": amount}
    return {"type": "Resource", "resource": {"name": name, "target": target}}


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        ("scaleMetric: cpu", [_share("cpu", 80)]),
        ("scaleMetric: cpu\nscaleTarget: 60", [_share("cpu", 60)]),
        ("scaleMetric: memory\nscaleTarget: 70", [_share("memory", 70)]),
        ("scaleMetric: memory", [_share("memory", 80)]),
        (
            "scaleMetric: memory\nscaleTarget: 900\nscaleMetricType: AverageValue",
            [_amount("memory", "900Mi")],
        ),
        (
            "scaleMetric: cpu\nscaleTarget: 2\nscaleMetricType: AverageValue",
            [_amount("cpu", "2")],
        ),
        (
            """
            autoScaling:
              metrics:
              - type: Resource
                resource:
                  name: memory
                  target: {type: AverageValue, averageValue: 2Gi}
              - type: Resource
                resource:
                  name: cpu
                  target: {type: Utilization, averageUtilization: 50}
            """,
            [_amount("memory", "2Gi"), _share("cpu", 50)],
        ),
    ],
)
def test_metrics_are_those_of_the_document(
    bench: Bench, text: str, metrics: list[dict[str, Any]]
) -> None:
    """Asked for in words, an HPA is there even between equal bounds."""
    assert _spec(bench.render(text))["metrics"] == metrics


def test_behavior_is_honoured_in_full(bench: Bench) -> None:
    """KServe drops it for an HPA."""
    text = """
    maxReplicas: 9
    autoScaling:
      metrics: []
      behavior:
        scaleUp:
          policies: [{type: Pods, value: 2, periodSeconds: 30}]
          selectPolicy: Max
        scaleDown: {stabilizationWindowSeconds: 40}
    """
    spec = _spec(bench.render(text, scale_down_seconds=60, scale_up_seconds=10))
    assert spec["behavior"] == {
        "scaleUp": {
            "policies": [{"type": "Pods", "value": 2, "periodSeconds": 30}],
            "selectPolicy": "Max",
            "stabilizationWindowSeconds": 10,
        },
        "scaleDown": {"stabilizationWindowSeconds": 40},
    }


def test_zero_replicas_are_one_with_an_hpa_and_it_says_so(bench: Bench) -> None:
    """As KServe, which does not say so."""
    rendered = bench.render("minReplicas: 0\nmaxReplicas: 3")
    assert _spec(rendered)["minReplicas"] == 1
    assert [each.path for each in rendered.problems] == ["spec.predictor.minReplicas"]


def test_metric_that_only_knative_knows_is_told_and_cpu_stands_in(bench: Bench) -> None:
    """KServe renders an HPA without metrics."""
    rendered = bench.render("maxReplicas: 3\nscaleMetric: concurrency")
    assert _spec(rendered)["metrics"] == [_share("cpu", 80)]
    (problem,) = rendered.problems
    assert problem.path == "spec.predictor.scaleMetric"
    assert "Knative" in problem.remedy


def test_share_of_what_no_container_asks_for_is_told(bench: Bench) -> None:
    """Such an HPA never scales, and only its events say why."""
    text = "containers: [{name: c, image: i}]\nmaxReplicas: 3"
    (problem,) = bench.render(text).problems
    assert problem.path == "spec.predictor.resources.requests.cpu"
    assert "kserve-container" in problem.why


def test_class_none_pins_the_number_even_at_zero(bench: Bench) -> None:
    """KServe's way to say how many there are."""
    text = bench.service(
        f"{MODEL}\nminReplicas: 0\nmaxReplicas: 5", metadata=CLASS % "none"
    )
    rendered = bench.render(text)
    assert _replicas(rendered) == {"iris-predictor": 0}
    assert not of_kind(rendered, "HorizontalPodAutoscaler")


def test_class_external_leaves_the_number_to_others(bench: Bench) -> None:
    """Neither an HPA nor a number that would fight with theirs."""
    text = bench.service(f"{MODEL}\nmaxReplicas: 5", metadata=CLASS % "external")
    rendered = bench.render(text)
    assert _replicas(rendered) == {"iris-predictor": None}
    assert not of_kind(rendered, "HorizontalPodAutoscaler")


@pytest.mark.parametrize(
    ("percent", "own", "expected"), [(0, 1, 1), (10, 1, 1), (25, 1, 3), (25, 4, 4)]
)
def test_named_canary_has_its_share_of_the_replicas(
    bench: Bench, percent: int, own: int, expected: int
) -> None:
    """Rounded up, never none, and not fewer than it asks for."""
    canary = f"""
    canary:
    - trafficPercent: {percent}
      predictor: {{name: x, minReplicas: {own}, {MODEL}}}
    """
    text = bench.service(f"{MODEL}\nminReplicas: 9\nmaxReplicas: 20", spec=canary)
    rendered = bench.render(text)
    assert _replicas(rendered)["iris-x-predictor"] == expected
    names = [
        s["metadata"]["name"] for s in of_kind(rendered, "HorizontalPodAutoscaler")
    ]
    assert names == ["iris-predictor"]


def test_revision_in_a_slot_scales_as_it_will_when_it_takes_all(bench: Bench) -> None:
    """So nothing restarts or shrinks when it is promoted; a kept one has nothing."""
    text = bench.service(f"{MODEL}\nminReplicas: 2\nmaxReplicas: 5")
    (old,) = fresh(bench.planned(text))
    newer = msgspec.structs.replace(old.revision, name="feed")
    new = Placement(revision=newer, slot="@feed", weight=10, main=False)
    kept = msgspec.structs.replace(new, slot="@dead", kept=True, weight=0)
    rendered = bench.render(text, placements=(old, new, kept))
    assert _replicas(rendered) == {
        "iris-predictor": None,
        "iris-predictor-feed": None,
        "iris-predictor-dead": 0,
    }
    for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget"):
        names = [each["metadata"]["name"] for each in of_kind(rendered, kind)]
        assert names == ["iris-predictor", "iris-predictor-feed"]


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("minReplicas: 2", 1), ("maxReplicas: 2", 1), ("minReplicas: 1", 0)],
)
def test_budget_is_there_where_two_replicas_can_run(
    bench: Bench, text: str, count: int
) -> None:
    """With one replica it could only block a drain."""
    budgets = of_kind(bench.render(text), "PodDisruptionBudget")
    assert len(budgets) == count
    assert all(each["spec"]["maxUnavailable"] == 1 for each in budgets)
    assert not of_kind(
        bench.render(text, disruption_budget=False), "PodDisruptionBudget"
    )
