"""What came of one pass: what to tell of it, and what to keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from inferry.status import Reason
from inferry_controller.observing import Problem
from inferry_controller.reconciling.rollouts import first_rolled

if TYPE_CHECKING:
    from inferry.planning import ServingPlan
    from inferry_controller.observing.facts import History
    from inferry_controller.reconciling.plans import Kept
    from inferry_controller.reconciling.records import Child, Record
    from inferry_controller.reconciling.rollouts import Decision


@dataclass(slots=True, kw_only=True)
class Outcome:
    """Filled by a pass as far as it comes; ``record`` is what was kept before.

    ``decision`` is that of the rollout, None where there is none to decide. ``left``
    says that something waits to be deleted, ``done`` that the pass came to its end.
    """

    record: Record
    saved: set[str] = field(init=False)
    history: History = field(init=False)
    weights: dict[str, int] = field(init=False)
    children: dict[str, Child] = field(init=False)
    kept: Kept | None = None
    problem: Problem | None = None
    decision: Decision | None = None
    again: bool = False
    left: bool = False
    done: bool = False

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

    def observed(self, serving: str) -> None:
        """Take which revision answers requests, empty where none does."""
        self.history = first_rolled(self.history, serving)

    @property
    def plain(self) -> bool:
        """Whether one revision has all the traffic, and nothing is on its way."""
        if not self.done or self.left or self.problem is not None:
            return False
        decision = self.decision
        if decision is None:
            return True
        return msgspec.structs.replace(decision, history=self.history).plain

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
