"""Whether anything is left to do for a service: what makes a restart cheap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from inferry_controller.observing import KNATIVE
from inferry_controller.observing.facts import (
    DeploymentFact,
    Fact,
    GatewayFact,
    RouteFact,
)
from inferry_controller.reconciling.kinds import CHILDREN
from inferry_controller.reconciling.records import short
from inferry_controller.reconciling.stored import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inferry_controller.reconciling.children import ChildKey
    from inferry_controller.reconciling.records import Record
    from inferry_controller.reconciling.stored import StoredService


def seen(facts: Mapping[ChildKey, Fact]) -> str:
    """Return a digest of all facts, whatever version they were told with."""
    told = [
        msgspec.structs.replace(facts[child], version="") for child in sorted(facts)
    ]
    return short(digest_of(told))


def is_settled(
    service: StoredService,
    record: Record,
    status: Mapping[str, Any],
    facts: Mapping[ChildKey, Fact],
    inputs: str,
) -> bool:
    """Say whether the last finished pass would do and tell the same again.

    It would where it rested on the same inputs, its children are as they were left, and
    either they serve as the status says, or nothing of them is different at all.
    """
    if record.inputs != inputs or status.get("observedGeneration") != (
        service.generation
    ):
        return False
    mine = [each for each in facts.values() if each.kind in CHILDREN]
    if not _as_left(service, record, mine):
        return False
    if record.seen == seen(facts):
        return True
    # Pods come and go without being news as long as as many of them answer.
    return (
        record.plain
        and _is_ready(status)
        and all(map(_is_open, facts.values()))
        and record.ready == answering(facts)
        and all(map(_serves, mine))
    )


def answering(facts: Mapping[ChildKey, Fact]) -> int:
    """Return how many replicas answer, in all."""
    return sum(
        each.available for each in facts.values() if isinstance(each, DeploymentFact)
    )


def _as_left(service: StoredService, record: Record, mine: Iterable[Fact]) -> bool:
    left = dict(record.children)
    for fact in mine:
        if fact.owner != service.uid:
            return False
        child = left.pop(f"{fact.kind}/{fact.name}", None)
        if child is None or child.live != short(fact.live):
            return False
    return not left


def _is_ready(status: Mapping[str, Any]) -> bool:
    return any(
        each.get("type") == "Ready" and each.get("status") == "True"
        for each in status.get("conditions") or ()
    )


def _is_open(fact: Fact) -> bool:
    """Say whether *fact*, where it is the Gateway's, has nothing to complain of."""
    return not isinstance(fact, GatewayFact) or all(
        each.status == "True" for each in fact.conditions
    )


def _serves(fact: Fact) -> bool:
    """Say whether nothing is on its way at *fact*."""
    if isinstance(fact, RouteFact):
        # An Ingress is accepted by nobody, so it has no generation that is.
        accepted = fact.accepted_generation or fact.generation
        return accepted >= fact.generation
    if isinstance(fact, DeploymentFact) and fact.kind != KNATIVE:
        return (
            fact.observed_generation >= fact.generation
            and fact.updated == fact.replicas
            and fact.available >= fact.wanted
        )
    return not isinstance(fact, DeploymentFact)
