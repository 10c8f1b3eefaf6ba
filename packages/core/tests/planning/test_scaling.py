from __future__ import annotations

from typing import Any

import pytest

from inferry.api import AutoScalingSpec, ComponentSpec
from inferry.errors import PlanningError
from inferry.planning._scaling import scaling_plan, with_policy
from inferry.plugins import AutoscalingPolicy, ImportRef, Provided

CLASS = "serving.kserve.io/autoscalerClass"
METRIC = "serving.kserve.io/metric"
SHARE = "serving.kserve.io/targetUtilizationPercentage"


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
        (ComponentSpec(), {CLASS: "hpa", SHARE: "60"}, "utilisation", "cpu", 60.0),
        (
            ComponentSpec(scale_metric="cpu", scale_target=50),
            {CLASS: "hpa", SHARE: "60", METRIC: "memory"},
            "utilisation",
            "cpu",
            50.0,
        ),
        (
            ComponentSpec(),
            {CLASS: "hpa", METRIC: "memory", SHARE: "70"},
            "utilisation",
            "memory",
            70.0,
        ),
        (
            ComponentSpec(scale_metric="rps", scale_target=200),
            {CLASS: "hpa"},
            "utilisation",
            "cpu",
            80.0,
        ),
        (ComponentSpec(), {CLASS: "keda"}, "keda", "", None),
        (ComponentSpec(scale_metric="cpu"), {CLASS: "keda"}, "keda", "cpu", 80.0),
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


def test_what_the_document_says_is_in_the_plan_as_written() -> None:
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 5}}
    written = AutoScalingSpec(metrics=cpu().metrics, behavior=behavior)
    plan = scaling_plan(
        ComponentSpec(
            max_replicas=3, auto_scaling=written, scale_metric_type="Utilization"
        ),
        {},
    )
    assert plan.triggers == tuple(cpu().metrics)
    assert (plan.behavior, plan.metric_type) == (behavior, "Utilization")
    assert (plan.written_maximum, plan.asked) == (3, True)
    assert scaling_plan(ComponentSpec(), {}).written_maximum == 0
    assert not scaling_plan(ComponentSpec(max_replicas=3), {}).asked


def provided(kitchen: Any, **fields: Any) -> dict[str, Provided[AutoscalingPolicy]]:
    policy = AutoscalingPolicy(name="tokens", policy=ImportRef("acme:Tokens"), **fields)
    return {"tokens": kitchen.provided(policy)}


def test_what_a_policy_needs_collected_is_in_the_plan(kitchen: Any) -> None:
    policies = provided(kitchen, metrics=frozenset({"kv_cache", "tokens"}))
    plan = with_policy(scaling_plan(ComponentSpec(), {CLASS: "tokens"}), policies)
    assert (plan.policy, plan.metrics) == ("tokens", ("kv_cache", "tokens"))


def test_a_policy_that_keeps_a_replica_is_refused_at_zero(kitchen: Any) -> None:
    scaling = scaling_plan(ComponentSpec(min_replicas=0), {CLASS: "tokens"})
    with pytest.raises(PlanningError, match="does not scale to zero") as raised:
        with_policy(scaling, provided(kitchen))
    assert raised.value.reason == "InvalidSpec"
    to_zero = provided(kitchen, scale_to_zero=True)
    assert with_policy(scaling, to_zero) == scaling


def test_a_policy_that_no_plugin_provides_is_left_as_it_is() -> None:
    scaling = scaling_plan(ComponentSpec(min_replicas=0), {})
    assert with_policy(scaling, {}) == scaling
