"""The revisions of a service: the stable predictor, its canaries, their traffic."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import PlanningError
from inferry.planning._components import (
    PlannedComponent,
    Scene,
    plan_containers,
    plan_predictor,
)
from inferry.planning.plan import RevisionPlan
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry.api._types import InferenceServiceSpec, PredictorSpec

_ALL = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRevision:
    """A revision with the explanation of its components."""

    plan: RevisionPlan
    components: tuple[PlannedComponent, ...]


@dataclass(frozen=True, slots=True)
class _Canary:
    predictor: PredictorSpec
    where: str
    variant: str
    percent: int | None


def plan_revisions(scene: Scene) -> tuple[PlannedRevision, ...]:
    """Plan the stable revision, then each canary in the order of the document.

    Raises:
        PlanningError: A component cannot be planned, or the traffic contradicts itself.

    """
    spec = scene.service.spec
    share = None if isinstance(spec.canary, list) else canary_percent(spec)
    planned = [_revision(spec.predictor, "spec.predictor", scene, percent=share)]
    planned += [
        _revision(each.predictor, each.where, scene, each.variant, percent=each.percent)
        for each in _canaries(spec)
    ]
    return _told_apart(planned)


def canary_percent(spec: InferenceServiceSpec) -> int | None:
    """Return canaryTrafficPercent, where spec wins over the predictor; 100 is None."""
    percent = spec.canary_traffic_percent
    if percent is None:
        percent = spec.predictor.canary_traffic_percent
    return None if percent == _ALL else percent


def revision_name(identities: Iterable[dict[str, Any]]) -> str:
    """Return a short name that changes when what is served does, and only then."""
    text = json.dumps(list(identities), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _canaries(spec: InferenceServiceSpec) -> list[_Canary]:
    percent = canary_percent(spec)
    if spec.canary is None:
        return []
    if not isinstance(spec.canary, list):
        # The older map names the predictor that gets what spec.predictor leaves.
        rest = None if percent is not None else 0
        name = spec.canary.name or "canary"
        return [_Canary(spec.canary, "spec.canary.predictor", name, rest)]
    if spec.canary and percent is not None:
        raise _two_ways()
    return [
        _Canary(
            each.predictor,
            f"spec.canary[{index}].predictor",
            each.predictor.name or f"canary-{index}",
            each.traffic_percent,
        )
        for index, each in enumerate(spec.canary)
    ]


def _two_ways() -> PlanningError:
    return PlanningError(
        "spec.canary gives each canary its share, and canaryTrafficPercent is set too",
        reason=Reason.InvalidSpec,
        remedy="remove canaryTrafficPercent, or the list",
    )


def _revision(
    predictor: PredictorSpec,
    where: str,
    scene: Scene,
    variant: str = "",
    *,
    percent: int | None,
) -> PlannedRevision:
    components = [plan_predictor(predictor, scene, where)]
    spec = scene.service.spec
    if not variant and spec.transformer is not None:
        components.append(
            plan_containers("transformer", spec.transformer, scene, "spec.transformer")
        )
    if not variant and spec.explainer is not None:
        components.append(
            plan_containers("explainer", spec.explainer, scene, "spec.explainer")
        )
    plan = RevisionPlan(
        name=revision_name(each.identity for each in components),
        components=tuple(each.plan for each in components),
        percent=percent,
        variant=variant,
    )
    return PlannedRevision(plan=plan, components=tuple(components))


def _told_apart(planned: list[PlannedRevision]) -> tuple[PlannedRevision, ...]:
    """Give a canary that serves just what another revision does a name of its own."""
    names: set[str] = set()
    apart = []
    for each in planned:
        plan = each.plan
        if plan.name in names:
            name = f"{plan.name}-{plan.variant}"
            plan = msgspec.structs.replace(plan, name=name)
        names.add(plan.name)
        apart.append(PlannedRevision(plan=plan, components=each.components))
    return tuple(apart)
