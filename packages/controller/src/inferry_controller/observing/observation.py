"""`observe`: what is so of a service, from the facts of its objects; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from inferry.status import ObservedIngress, ObservedRevision, Reason
from inferry_controller.names import component_name
from inferry_controller.observing.components import ComponentState, component_state
from inferry_controller.observing.diagnosis import is_fetching, is_unclear
from inferry_controller.observing.ingress import ingress_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inferry.planning import ServingPlan, Unhonoured
    from inferry_controller.observing.facts import Facts
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.placement import Placement

#: Worst first.
_PHASES = ("Failed", "Pending", "Loading", "Stopped", "Ready")


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What is so of one service.

    ``revisions`` are all that run or should, oldest first, and ``serving`` the one that
    answers requests, empty where none does; ``latest`` is the newest. ``ready`` has the
    revisions that may get traffic, ``canaries`` are the named ones. ``unclear`` are the
    pods of which only events can tell what they wait for, ``fetching`` those that are
    fetching a model, whose logs tell how far they are.
    """

    revisions: tuple[ObservedRevision, ...] = ()
    components: tuple[ComponentState, ...] = ()
    ingress: ObservedIngress = ObservedIngress()
    serving: str = ""
    latest: str = ""
    ready: frozenset[str] = frozenset()
    canaries: tuple[ObservedRevision, ...] = ()
    stopped: bool = False
    unclear: tuple[str, ...] = ()
    fetching: tuple[str, ...] = ()

    def of(self, revision: str) -> dict[str, ComponentState]:
        """Return the components of *revision* by their names."""
        return {c.component: c for c in self.components if c.revision == revision}


class _Seat(msgspec.Struct, frozen=True, kw_only=True):
    """A revision, its Deployments by component, and whether it gets requests."""

    revision: str
    names: dict[str, str]
    weight: int = 0
    main: bool = False
    kept: bool = False


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
        placements: Where its revisions run; none: what the Deployments say.
        facts: What is known of its objects.
        problems: What of it the backend cannot honour; a fatal one makes it Failed.
        options: What the platform decides; None takes their defaults.
        routes: The names of the routes that were rendered; None: one of any name,
            unless the options say that there is none.

    """
    seats = _seats(plan, placements) or _seats_of(facts)
    stopped = plan is not None and plan.stopped
    components = tuple(
        component_state(name, component, seat.revision, facts)
        for seat in seats
        if not seat.kept and not stopped
        for component, name in seat.names.items()
    )
    latest = _latest(plan, seats)
    revisions = _revisions(seats, components, latest, problems, stopped=stopped)
    old, serving = _serving(seats, components, revisions)
    known = {each.name for each in revisions}
    revisions = (*(each for each in old if each.name not in known), *revisions)
    return Observation(
        revisions=revisions,
        components=components,
        ingress=ingress_state(
            facts,
            kind=options.ingress if options else "gateway",
            gateway=options.gateway if options else "",
            routes=None if routes is None else tuple(routes),
        ),
        serving=serving,
        latest=latest,
        ready=frozenset(each.name for each in revisions if each.phase == "Ready"),
        canaries=_canaries(plan, revisions),
        stopped=stopped,
        unclear=tuple(pod.name for pod in facts.pods if is_unclear(pod)),
        fetching=tuple(pod.name for pod in facts.pods if is_fetching(pod)),
    )


def _seats(plan: ServingPlan | None, placements: Iterable[Placement]) -> list[_Seat]:
    if plan is None:
        return []
    return [
        _Seat(
            revision=placement.revision.name,
            names={
                part.component: component_name(
                    plan.name, part.component, placement.slot
                )
                for part in placement.revision.components
            },
            weight=placement.weight,
            main=placement.main,
            kept=placement.kept,
        )
        for placement in placements
    ]


def _seats_of(facts: Facts) -> list[_Seat]:
    """Return what runs of a service that nobody can plan, as its Deployments say."""
    names: dict[str, dict[str, str]] = {}
    for each in facts.deployments:
        if each.wanted:
            names.setdefault(each.revision, {})[each.component] = each.name
    return [
        _Seat(revision=revision, names=parts, weight=100, main=number == 0)
        for number, (revision, parts) in enumerate(names.items())
    ]


def _latest(plan: ServingPlan | None, seats: Sequence[_Seat]) -> str:
    if plan is not None and plan.revisions:
        return plan.revisions[0].name
    return seats[-1].revision if seats else ""


def _canaries(
    plan: ServingPlan | None, revisions: Sequence[ObservedRevision]
) -> tuple[ObservedRevision, ...]:
    named = {each.name for each in plan.revisions if each.variant} if plan else set()
    return tuple(each for each in revisions if each.name in named)


def _revisions(
    seats: Iterable[_Seat],
    components: Sequence[ComponentState],
    latest: str,
    problems: Iterable[Unhonoured],
    *,
    stopped: bool,
) -> tuple[ObservedRevision, ...]:
    fatal = next((each for each in problems if each.fatal), None)
    found = []
    for seat in seats:
        parts = [c for c in components if c.revision == seat.revision]
        state = _joined(seat.revision, parts)
        if seat.kept or stopped:
            state = ObservedRevision(name=seat.revision, phase="Stopped")
        elif fatal is not None and seat.revision == latest:
            state = ObservedRevision(
                name=latest,
                phase="Failed",
                reason=str(Reason.NotSupportedByBackend),
                message=f"{fatal.path}: {fatal.why}",
                ready=state.ready,
            )
        found.append(state)
    # The newest comes last; the others keep the order of the placements.
    return tuple(sorted(found, key=lambda each: each.name == latest))


def _joined(name: str, parts: Sequence[ComponentState]) -> ObservedRevision:
    """Return the state of a revision: that of its worst component."""
    if not parts:
        return ObservedRevision(name=name, phase="Pending", reason=Reason.Pending)
    worst = min(parts, key=lambda each: _PHASES.index(each.phase))
    predictor = next((c for c in parts if c.component == "predictor"), worst)
    return ObservedRevision(
        name=name,
        phase=worst.phase,
        reason=worst.reason,
        message=worst.message,
        remedy=worst.remedy,
        ready=predictor.ready,
    )


def _serving(
    seats: Sequence[_Seat],
    components: Sequence[ComponentState],
    revisions: Sequence[ObservedRevision],
) -> tuple[list[ObservedRevision], str]:
    """Return which revision answers, and old ones that an edit in place replaces."""
    phases = {each.name: each.phase for each in revisions}
    for seat in sorted(seats, key=lambda each: -each.weight):
        if not seat.weight or seat.kept:
            continue
        parts = [c for c in components if c.revision == seat.revision]
        if phases.get(seat.revision) == "Ready":
            return [], seat.revision
        older = _answering(parts)
        if older:
            return [ObservedRevision(name=older, phase="Ready", ready=1)], older
    return [], ""


def _answering(parts: Sequence[ComponentState]) -> str:
    """Return the older revision that answers in place of one that does not, if any."""
    if not parts or any(not part.ready and not part.older for part in parts):
        return ""
    predictor = next((c for c in parts if c.component == "predictor"), parts[0])
    names = predictor.older or next((c.older for c in parts if c.older), ())
    return names[0] if names else ""
