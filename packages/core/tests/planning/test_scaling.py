from __future__ import annotations

from typing import Any

import pytest

from inferry.api import AutoScalingSpec, ComponentSpec
from inferry.planning._scaling import scaling_plan

CLASS = "serving.kserve.io/autoscalerClass"


def cpu(**target: Any) -> AutoScalingSpec:
    resource = {"name": "cpu", "target": {"type": "Utilization", **target}}
    return AutoScalingSpec(metrics=[{"type": "Resource", "resource": resource}])


@pytest.mark.parametrize(
    ("spec", "annotations", "policy", "metric", "target"),
    [
        (ComponentSpec(), {}, "none", "", None),
        (ComponentSpec(min_replicas=0), {}, "concurrency", "concurrency", None),
        (ComponentSpec(max_replicas=3), {}, "utilisation", "cpu", 80.0),
        (ComponentSpec(scale_metric="rps", scale_target=9), {}, "rps", "rps", 9.0),
        (ComponentSpec(scale_metric="cpu"), {}, "utilisation", "cpu", 80.0),
        (ComponentSpec(max_replicas=3), {CLASS: "none"}, "none", "", None),
        (ComponentSpec(), {CLASS: "hpa"}, "utilisation", "cpu", 80.0),
        (ComponentSpec(), {CLASS: "keda"}, "keda", "", None),
        (
            ComponentSpec(auto_scaling=cpu(averageUtilization=60)),
            {},
            "utilisation",
            "cpu",
            60.0,
        ),
        (ComponentSpec(auto_scaling=cpu()), {}, "utilisation", "cpu", 80.0),
        (
            ComponentSpec(auto_scaling=AutoScalingSpec(metrics=[{"type": "External"}])),
            {},
            "keda",
            "",
            None,
        ),
    ],
)
def test_the_policy_follows_from_kserves_fields(
    spec: ComponentSpec,
    annotations: dict[str, str],
    policy: str,
    metric: str,
    target: float | None,
) -> None:
    plan = scaling_plan(spec, annotations)
    assert (plan.policy, plan.metric, plan.target) == (policy, metric, target)
    assert plan.why


def test_bounds_come_from_the_fields() -> None:
    plan = scaling_plan(ComponentSpec(min_replicas=2, max_replicas=5), {})
    assert (plan.minimum, plan.maximum) == (2, 5)


def test_a_fixed_number_is_its_own_maximum() -> None:
    plan = scaling_plan(ComponentSpec(min_replicas=2), {})
    assert (plan.minimum, plan.maximum) == (2, 2)
