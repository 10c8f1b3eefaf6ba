"""`Placement`: where one revision of a service runs, and what share it gets.

Rendering is told; it does not decide. `inferry_controller.reconciling` makes placements
from what it observes, `fresh` those of a service that is not there yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from inferry.planning import RevisionPlan  # noqa: TC001 - msgspec reads it at run time

if TYPE_CHECKING:
    from inferry.planning import ServingPlan

ALL = 100


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """One revision, the slot its objects are named by, and its traffic.

    ``slot`` is as `inferry_controller.names.component_name` takes it. ``weight`` is the
    share of the route now, in per cent: 0 while the revision is not ready. ``main`` is
    the one that the Service with KServe's own name leads to. ``spec`` is the service's
    ``spec`` of the revision as JSON, kept on its Deployment. A ``kept`` revision
    is the rollback target of a finished rollout: it has no replica. In Knative mode
    ``knative`` names the Knative Revision that serves each component, when it is known.
    """

    revision: RevisionPlan
    slot: str = ""
    weight: int = ALL
    main: bool = True
    kept: bool = False
    spec: str = ""
    knative: dict[str, str] = {}


def fresh(plan: ServingPlan) -> tuple[Placement, ...]:
    """Return the placements of a service none of whose revisions runs yet.

    The stable revision has KServe's own names, each canary its variant's; every share
    is what the document says.
    """
    first, *canaries = plan.revisions
    given = sum(each.percent or 0 for each in plan.revisions)

    def weight(revision: RevisionPlan) -> int:
        if not canaries:
            return ALL
        return ALL - given if revision.percent is None else revision.percent

    return tuple(
        Placement(
            revision=each,
            slot=each.variant,
            weight=weight(each),
            main=each is first,
        )
        for each in plan.revisions
    )
