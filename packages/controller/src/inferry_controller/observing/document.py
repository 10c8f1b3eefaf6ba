"""`status_document`: the ``status`` that KServe's clients and our own read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry.planning import ServingPlan
    from inferry_controller.observing.observation import Observation
    from inferry_controller.rendering.placement import Placement


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a service could not even be planned or applied: a reason and a message."""

    reason: str
    message: str


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """Where a service answers; ``components`` by component, as rendering gives them."""

    url: str = ""
    address: str = ""
    components: dict[str, str] = {}


def status_document(
    observation: Observation,
    *,
    plan: ServingPlan | None,
    placements: Sequence[Placement] = (),
    addresses: Addresses,
    generation: int,
    previous: Mapping[str, Any],
    now: str,
    mode: str = "Standard",
    problem: Problem | None = None,
    notes: Sequence[str] = (),
    keep: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the whole ``status``.

    Args:
        observation: What is so.
        plan: What should be; None where it cannot be planned.
        placements: Where the revisions run and their shares.
        addresses: Where it answers.
        generation: The service's ``metadata.generation`` that all this is about.
        previous: The status before; times of conditions that have not changed stay.
        now: The time of a change, as Kubernetes writes it.
        mode: The deployment mode.
        problem: Why it could not be planned or applied, if so.
        notes: Fields that have no effect, a line each.
        keep: What is kept for the controller's own use, below ``status.inferry``.

    """
    raise NotImplementedError
