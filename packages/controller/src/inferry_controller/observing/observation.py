"""`observe`: what is so of a service, from the facts of its objects; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from inferry.status import (
    ObservedIngress,
    ObservedRevision,
    Phase,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.planning import ServingPlan, Unhonoured
    from inferry_controller.observing.facts import Facts
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.placement import Placement


class ComponentState(msgspec.Struct, frozen=True, kw_only=True):
    """One component of one revision.

    ``name`` is that of its Deployment, ``wanted`` and ``ready`` count its replicas and
    ``failed`` those of them that will not become ready by waiting. ``location`` is the
    container that ``reason`` is about, ``exit_code`` how that ended.
    """

    name: str
    component: str
    revision: str
    phase: Phase = "Pending"
    reason: str = ""
    message: str = ""
    wanted: int = 0
    ready: int = 0
    failed: int = 0
    location: str = ""
    exit_code: int = 0
    progress: float | None = None


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What is so of one service.

    ``revisions`` are all that run or should, oldest first, and ``serving`` the one that
    answers requests, empty where none does. ``ready`` has the revisions that may get
    traffic. ``unclear`` are the pods of which only events can tell what they wait for,
    ``fetching`` those that are fetching a model, whose logs tell how far they are.
    """

    revisions: tuple[ObservedRevision, ...] = ()
    components: tuple[ComponentState, ...] = ()
    ingress: ObservedIngress = ObservedIngress()
    serving: str = ""
    latest: str = ""
    ready: frozenset[str] = frozenset()
    stopped: bool = False
    unclear: tuple[str, ...] = ()
    fetching: tuple[str, ...] = ()


def observe(
    plan: ServingPlan | None,
    placements: Sequence[Placement],
    facts: Facts,
    problems: Sequence[Unhonoured] = (),
    *,
    options: RenderOptions | None = None,
    routes: Sequence[str] | None = None,
) -> Observation:
    """Return what is so of a service.

    Args:
        plan: What it should be; None where it cannot be planned.
        placements: Where its revisions run, the newest last.
        facts: What is known of its objects.
        problems: What of it the backend cannot honour; a fatal one makes it Failed.
        options: What the platform decides; None takes their defaults.
        routes: The names of the routes that were rendered; None: one of any name,
            unless the options say that there is none.

    """
    raise NotImplementedError
