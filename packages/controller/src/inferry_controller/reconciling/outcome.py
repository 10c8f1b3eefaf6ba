"""What came of one pass: what to tell of it, and what to keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inferry.status import Reason
from inferry_controller.observing import Problem

if TYPE_CHECKING:
    from inferry.planning import ServingPlan
    from inferry_controller.observing.facts import History
    from inferry_controller.reconciling.plans import Kept
    from inferry_controller.reconciling.records import Child, Record


@dataclass(slots=True, kw_only=True)
class Outcome:
    """Filled by a pass as far as it comes; ``record`` is what was kept before."""

    record: Record
    saved: set[str] = field(init=False)
    history: History = field(init=False)
    weights: dict[str, int] = field(init=False)
    children: dict[str, Child] = field(init=False)
    kept: Kept | None = None
    problem: Problem | None = None
    again: bool = False
    plain: bool = False

    def __post_init__(self) -> None:
        """Begin with what the passes before left."""
        self.saved = set(self.record.saved)
        self.history = self.record.history
        self.weights = dict(self.record.weights)
        self.children = dict(self.record.children)

    def fail(
        self, reason: str, message: str, remedy: str = "", *, again: bool = False
    ) -> None:
        """Note why the pass did not come to its end."""
        self.problem = Problem(
            reason=reason or Reason.ApplyFailed, message=message, remedy=remedy
        )
        self.again = again

    @property
    def plan(self) -> ServingPlan | None:
        """The plan, where there is one."""
        return self.kept.planned.plan if self.kept else None

    def plan_or_fail(self) -> ServingPlan:
        """Return the plan of a pass that has come so far."""
        if self.kept is None:
            msg = "nothing is planned yet"
            raise RuntimeError(msg)
        return self.kept.planned.plan
