"""From a decision to placements, and from Deployments to what a decision rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_controller.names import component_name
from inferry_controller.observing.facts import DeploymentFact
from inferry_controller.reconciling.rollouts import Running, Situation, Variant
from inferry_controller.rendering.placement import Placement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from inferry.planning import RevisionPlan, ServingPlan
    from inferry_controller.observing.facts import Fact
    from inferry_controller.reconciling.children import ChildKey
    from inferry_controller.reconciling.records import Record
    from inferry_controller.reconciling.rollouts import Decision

_ALL = 100


def situation(
    plan: ServingPlan,
    facts: Mapping[ChildKey, Fact],
    record: Record,
    drained: Collection[str],
    saved: Collection[str],
) -> Situation:
    """Return what there is to decide about *plan*; *saved* are revisions kept."""
    stable = plan.revisions[0]
    predictor = stable.component("predictor")
    return Situation(
        newest=stable.name,
        share=plan.canary_percent,
        history=record.history,
        running=running(plan, facts.values(), record.weights),
        weights=record.weights,
        drained=drained,
        known=frozenset(saved),
        variants=_variants(plan),
        to_zero=predictor is not None and predictor.scaling.minimum == 0,
    )


def running(
    plan: ServingPlan, facts: Iterable[Fact], weights: Mapping[str, int]
) -> dict[str, Running]:
    """Return what runs in each slot.

    The name of a Deployment says in which: KServe's own, that of a canary, or one with
    its revision behind it.
    """
    deployments = [each for each in facts if isinstance(each, DeploymentFact)]
    slots = {"", *weights, *(each.variant for each in plan.revisions)}
    slots |= {f"@{each.revision}" for each in deployments if each.revision}
    found: dict[str, Running] = {}
    for slot in slots:
        mine = [
            each
            for each in deployments
            if each.component
            and each.name == component_name(plan.name, each.component, slot)  # type: ignore[arg-type]
        ]
        predictor = next((e for e in mine if e.component == "predictor"), None)
        if predictor is not None:
            found[slot] = Running(
                slot=slot,
                revision=predictor.revision,
                # One that is told to have no pods has none, whatever still ends.
                available=all(each.available > 0 < each.wanted for each in mine),
                complete=all(map(_complete, mine)),
            )
    return found


def placements(
    decision: Decision,
    plan: ServingPlan,
    others: Mapping[str, RevisionPlan],
    specs: Mapping[str, str],
) -> tuple[Placement, ...]:
    """Return the placements of *decision*; *others* are the earlier revisions.

    An earlier revision that can be had no more has none: what runs of it stays as it is
    until it is not needed.
    """
    by_name = {each.name: each for each in plan.revisions} | dict(others)
    return tuple(
        Placement(
            revision=by_name[seat.revision],
            slot=seat.slot,
            weight=seat.weight,
            main=seat.main,
            kept=seat.kept,
            spec=specs.get(seat.revision, ""),
        )
        for seat in decision.seats
        if seat.revision in by_name
    )


def _variants(plan: ServingPlan) -> tuple[Variant, ...]:
    rest = _ALL - (plan.revisions[0].percent or 0)
    return tuple(
        Variant(
            name=each.variant,
            revision=each.name,
            percent=rest if each.percent is None else each.percent,
        )
        for each in plan.revisions[1:]
    )


def _complete(fact: DeploymentFact) -> bool:
    return (
        fact.observed_generation >= fact.generation
        and fact.updated >= fact.wanted
        and fact.replicas == fact.updated
        and fact.available >= fact.wanted
    )
