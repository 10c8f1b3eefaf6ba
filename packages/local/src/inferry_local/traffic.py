"""Which revision gets which share: pure functions of the plan and of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inferry.planning import ServingPlan

ALL = 100


def shares(plan: ServingPlan, previous: str = "") -> dict[str, int]:
    """Return the percent of each revision that shall get traffic, newest first.

    With ``canaryTrafficPercent`` the newest gets that and *previous*, the revision that
    was rolled out last, the rest; where there is none other, the newest gets all.
    Revisions without traffic are left out: nothing of them runs.
    """
    if plan.stopped:
        return {}
    newest = plan.revisions[0].name
    if plan.canary_percent is not None:
        if not previous or previous == newest:
            return {newest: ALL}
        given = {newest: plan.canary_percent, previous: ALL - plan.canary_percent}
    else:
        given = _declared(plan)
    return {name: percent for name, percent in given.items() if percent}


def rolled_out(plan: ServingPlan, previous: str = "") -> str:
    """Return the revision that a later canary is measured against."""
    newest = plan.revisions[0].name
    return previous if plan.canary_percent is not None and previous else newest


def _declared(plan: ServingPlan) -> dict[str, int]:
    given = {each.name: each.percent for each in plan.revisions}
    known = {name: percent for name, percent in given.items() if percent is not None}
    rest = max(ALL - sum(known.values()), 0)
    taker = next((name for name, percent in given.items() if percent is None), None)
    if taker is None:
        taker = plan.revisions[0].name
        rest += known.get(taker, 0)
    return {name: rest if name == taker else known[name] for name in given}
