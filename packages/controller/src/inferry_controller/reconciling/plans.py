"""The plans and objects of services on their way; a finished one needs none."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inferry.planning import RevisionPlan
    from inferry_controller.reconciling.planning import Planned
    from inferry_controller.rendering import Rendered
    from inferry_controller.rendering.placement import Placement

_KEPT = 512


@dataclass(slots=True, kw_only=True)
class Kept:
    """One service as planned with ``inputs``, and rendered for ``placements``.

    ``others`` are its earlier revisions, planned again, with their specs.
    """

    inputs: str
    planned: Planned
    others: dict[str, tuple[RevisionPlan, str]] = field(default_factory=dict)
    placements: tuple[Placement, ...] | None = None
    rendered: Rendered | None = None


class Plans:
    """The last of them, by the key of their service."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def get(self, key: str, inputs: str) -> Kept | None:
        """Return what was planned with *inputs*, if it is still there."""
        found = self._kept.get(key)
        return found if found is not None and found.inputs == inputs else None

    def put(self, key: str, kept: Kept) -> None:
        """Keep a plan, and let go of the oldest."""
        self._kept[key] = kept
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def forget(self, key: str) -> None:
        """Let go of a plan that nobody needs any more."""
        self._kept.pop(key, None)
