"""Replicas and what decides on them: a number, an HPA, a ScaledObject, or others.

An autoscaler is rendered only where it can do something: between two numbers, or where
the document asks for scaling in words. What a class or metric cannot do is a problem
with its name, and the service scales by what can be had.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inferry_controller.rendering.kinds import SCALED_OBJECT, is_served, not_served
from inferry_controller.rendering.rendered import Problem
from inferry_controller.rendering.scaling_keda import is_by_keda, scaled_object
from inferry_controller.rendering.scaling_metrics import (
    behavior,
    measurable,
    resource_metrics,
    unmeasured,
)

if TYPE_CHECKING:
    from inferry.planning import ScalingPlan
    from inferry_controller.rendering.parts import Part, Scene
    from inferry_controller.rendering.rendered import KubernetesObject

_ALL = 100
_OTHER_CLASS = "install KEDA, or use another serving.kserve.io/autoscalerClass"
_TO_ZERO = (
    "annotate the service with serving.kserve.io/autoscalerClass: keda and name a "
    "metric of a query, or use the mode Knative"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """Who decides how many replicas a part has.

    ``replicas`` is the fixed number, None where something else decides; ``most`` is how
    many there can be, 0 where that is unknown.
    """

    replicas: int | None = None
    most: int = 0
    scaler: KubernetesObject | None = None
    problems: tuple[Problem, ...] = ()


def scaling(scene: Scene, part: Part) -> Scaling:
    """Return who decides about the replicas of *part*.

    A named canary has a fixed number, as KServe has it: its share of the stable
    predictor's minReplicas, rounded up, no less than its own minReplicas, and one while
    it gets no traffic. A revision in a slot of its own (``canaryTrafficPercent``)
    scales like any other, so that nothing changes when it takes all requests.
    """
    wanted = part.component.scaling
    if part.placement.kept:
        return Scaling(replicas=0)
    if part.placement.revision.variant:
        return _fixed(_of_canary(scene, part))
    if wanted.policy == "external":
        return Scaling()
    if wanted.policy == "none":
        return _fixed(wanted.minimum)
    if is_by_keda(part):
        return _keda(scene, part)
    return _hpa(scene, part)


def bounds(wanted: ScalingPlan, least: int) -> tuple[int, int]:
    """Return the least and the most replicas; without a maximum they are the same."""
    low = max(wanted.minimum, least)
    return low, max(wanted.maximum, low, 1)


def _fixed(count: int, *problems: Problem) -> Scaling:
    return Scaling(replicas=count, most=count, problems=problems)


def _of_canary(scene: Scene, part: Part) -> int:
    stable = next((each for each in scene.main if each.kind == part.kind), part)
    share = stable.component.scaling.minimum * (part.placement.revision.percent or 0)
    return max(part.component.scaling.minimum, -(-share // _ALL), 1)


def _keda(scene: Scene, part: Part) -> Scaling:
    low, most = bounds(part.component.scaling, 0)
    if not is_served(SCALED_OBJECT, scene.around):
        path = f"{part.path}.autoScaling"
        return _fixed(max(low, 1), not_served(SCALED_OBJECT, path, _OTHER_CLASS))
    made, problems = scaled_object(scene, part, low, most)
    return Scaling(most=most, scaler=made, problems=problems)


def _hpa(scene: Scene, part: Part) -> Scaling:
    wanted = part.component.scaling
    low, most = bounds(wanted, 1)
    problems = []
    if wanted.minimum == 0:
        problems.append(
            Problem(
                path=f"{part.path}.minReplicas",
                why="an HPA keeps one replica, so there is always one",
                remedy=_TO_ZERO,
            )
        )
    if wanted.asked and not measurable(wanted):
        what = wanted.metric or wanted.policy
        problems.append(
            Problem(
                path=f"{part.path}.scaleMetric",
                why=f"an HPA does not know {what}"
                + ("; it goes by cpu instead" if most > low else ""),
                remedy="use cpu or memory, a query with KEDA, or the mode Knative",
            )
        )
    if most == low and not (wanted.asked and measurable(wanted)):
        return _fixed(low, *problems)
    metrics = resource_metrics(wanted)
    problems += unmeasured(part, metrics)
    made = _autoscaler(scene, part, low, most, metrics)
    return Scaling(most=most, scaler=made, problems=tuple(problems))


def _autoscaler(
    scene: Scene,
    part: Part,
    low: int,
    most: int,
    metrics: list[KubernetesObject],
) -> KubernetesObject:
    spec = {
        "scaleTargetRef": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": part.name,
        },
        "minReplicas": low,
        "maxReplicas": most,
        "metrics": metrics,
    }
    if given := behavior(part.component.scaling, scene.options):
        spec["behavior"] = given
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": scene.metadata(part.name, part),
        "spec": spec,
    }
