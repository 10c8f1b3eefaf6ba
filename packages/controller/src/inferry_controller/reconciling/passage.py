"""`Passage`: one pass over one service that has something to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.errors import PlanningError
from inferry.status import Reason
from inferry_controller.names import REVISION_LABEL
from inferry_controller.observing.facts import RouteFact
from inferry_controller.reconciling.applying import NamespaceEnding, Pass, Refused
from inferry_controller.reconciling.claims import hosts_of
from inferry_controller.reconciling.drains import LEFTOVERS
from inferry_controller.reconciling.kinds import ROUTES
from inferry_controller.reconciling.outcome import Outcome
from inferry_controller.reconciling.planning import planned, planned_again
from inferry_controller.reconciling.plans import Kept
from inferry_controller.reconciling.rollouts import decide
from inferry_controller.reconciling.seating import placements, running, situation
from inferry_controller.reconciling.stored import digest
from inferry_controller.rendering import fresh, render
from inferry_controller.rendering.modes import mode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_controller.observing.facts import Fact
    from inferry_controller.reconciling.children import ChildKey
    from inferry_controller.reconciling.records import Record
    from inferry_controller.reconciling.rollouts import Decision
    from inferry_controller.reconciling.stored import StoredService
    from inferry_controller.reconciling.tools import Tools
    from inferry_controller.rendering import Placement

#: Where a revision has no slot: it is to be found in a ControllerRevision.
_NOWHERE: dict[str, str] = {}


class Passage:
    """Makes the children of a service what they should be, and says what came of it."""

    def __init__(
        self, tools: Tools, service: StoredService, record: Record, inputs: str
    ) -> None:
        self._tools = tools
        self._service = service
        self._record = record
        self._inputs = inputs
        self._out = Outcome(record=record)

    async def run(self) -> Outcome | None:
        """Do all that can be done now; None where the namespace is on its way out.

        Raises:
            ApiError: The API server does not answer.

        """
        try:
            await self._make()
        except PlanningError as error:
            self._out.fail(error.reason, error.message, error.remedy)
        except Refused as error:
            self._out.fail(error.reason, error.message, error.remedy, again=error.again)
        except NamespaceEnding:
            return None
        return self._out

    async def _make(self) -> None:
        kept = self._planned()
        plan = kept.planned.plan
        self._out.kept = kept
        facts = self._tools.children.of(self._service.key)
        if plan.stopped:
            await self._save_rolled(facts)
            self._out.weights = {}
            await self._realise(kept, (), None)
            return
        if mode(plan, self._tools.world.options) == "Knative":
            await self._realise(kept, fresh(plan), None)
            return
        await self._find_saved(plan.revisions[0].name, facts)
        decision = self._decide(kept, facts)
        await self._save_overwritten(decision, facts)
        await self._plan_others(kept, decision, facts)
        specs = {name: spec for name, (_, spec) in kept.others.items()}
        placed = placements(
            decision,
            plan,
            {name: revision for name, (revision, _) in kept.others.items()},
            {**specs, plan.revisions[0].name: kept.planned.spec},
        )
        await self._realise(kept, placed, decision)

    def _planned(self) -> Kept:
        kept = self._tools.plans.get(self._service.key, self._inputs)
        if kept is None:
            made = planned(self._service, self._tools.world, self._record)
            kept = Kept(inputs=self._inputs, planned=made)
            self._tools.plans.put(self._service.key, kept)
        return kept

    def _decide(self, kept: Kept, facts: Mapping[ChildKey, Fact]) -> Decision:
        now = situation(
            kept.planned.plan,
            facts,
            self._record,
            self._tools.drains.drained(self._service.key),
            self._out.saved,
        )
        return decide(now)

    async def _plan_others(
        self, kept: Kept, decision: Decision, facts: Mapping[ChildKey, Fact]
    ) -> None:
        """Plan the earlier revisions of *decision* that are not planned yet."""
        plan = kept.planned.plan
        known = {each.name for each in plan.revisions} | set(kept.others)
        slots = self._slots(kept, facts)
        for seat in decision.seats:
            if seat.revision in known:
                continue
            spec = await self._tools.specs.find(
                self._service, seat.revision, slots.get(seat.revision)
            )
            if spec is None:
                continue
            try:
                revision = planned_again(
                    self._service, self._tools.world, seat.revision, spec
                )
            except PlanningError:
                if seat.weight:
                    raise
                continue  # what can be served no more, as its runtime is gone, may go
            kept.others[seat.revision] = (revision, spec)

    async def _realise(
        self, kept: Kept, placed: tuple[Placement, ...], decision: Decision | None
    ) -> None:
        """Render *placed* and make it so."""
        tools, service = self._tools, self._service
        if kept.rendered is None or kept.placements != placed:
            kept.rendered = render(
                kept.planned.plan,
                tools.world.options_of(kept.planned.release),
                placed,
                tools.world.around(service.namespace),
            )
            kept.placements = placed
        self._claim(kept)
        work = Pass(tools.client, tools.children, service, self._record.children)
        try:
            await work.apply(kept.rendered.objects, self._made_from(kept, placed))
        finally:
            self._out.children = {**self._out.children, **work.after}
        drained = tools.drains.drained(service.key)
        left = await work.prune(serving=LEFTOVERS in drained)
        self._out.children = work.after
        await self._settle(decision, left=left, rerouted=work.rerouted)

    def _claim(self, kept: Kept) -> None:
        """Take the host names of the routes; a service that is stopped keeps its own.

        Raises:
            Refused: Another service has one of them.

        """
        tools, key = self._tools, self._service.key
        if kept.rendered is None or kept.planned.plan.stopped:
            return
        shared = tools.world.options.domain
        wanted = hosts_of(kept.rendered.objects, shared)
        host, holder = tools.claims.take(key, wanted)
        if not host:
            return
        # Nothing of it is there, and its url must not be told.
        kept.rendered = None
        namespace, _, name = holder.partition("/")
        mine = namespace == self._service.namespace
        whose = f"the InferenceService {name}" if mine else "a service elsewhere"
        raise Refused(
            f"the host name {host} belongs to {whose}",
            reason=Reason.NameConflict,
            remedy="choose another name, or let ingress.domain_template tell them "
            "apart",
            again=True,
        )

    async def _settle(
        self, decision: Decision | None, *, left: bool, rerouted: bool
    ) -> None:
        idle = {LEFTOVERS} if left else set()
        if decision is not None:
            self._out.history = decision.history
            self._out.weights = decision.weights
            idle |= set(decision.draining)
            await self._forget_saved()
        facts = self._tools.children.of(self._service.key)
        self._tools.drains.note(
            self._service.key, idle, accepted=_accepted(facts), rerouted=rerouted
        )
        self._out.decision, self._out.left, self._out.done = decision, left, True

    def _made_from(self, kept: Kept, placed: tuple[Placement, ...]) -> Any:  # noqa: ANN401 - a function
        """Return what tells of a Deployment what it was made from.

        It is not its bytes, which another release of ours may render otherwise: no pod
        of a service is replaced because the controller was. An earlier revision stays
        as it was made, whatever becomes of settings and runtimes.
        """
        stable = {each.name for each in kept.planned.plan.revisions}
        by_revision = {each.revision.name: each for each in placed}

        def made_from(obj: dict[str, Any]) -> bytes | None:
            if obj["kind"] != "Deployment":
                return None
            revision = obj["metadata"].get("labels", {}).get(REVISION_LABEL, "")
            seat = by_revision.get(revision)
            if seat is None:
                return None
            what = self._inputs.encode() if revision in stable else b""
            parts = (what, revision.encode(), seat.slot.encode())
            return digest(*parts, b"kept" if seat.kept else b"")

        return made_from

    # -- what earlier revisions were

    async def _find_saved(self, newest: str, facts: Mapping[ChildKey, Fact]) -> None:
        """Know of a spec that was kept by a pass which came to no status.

        A controller may be killed when it has kept the spec of the older revision and
        overwritten its Deployment, but has not told so yet.
        """
        history = self._record.history
        older = history.previous if newest == history.rolled else history.rolled
        there = running(self._out.plan_or_fail(), facts.values(), self._record.weights)
        if not older or older in self._out.saved:
            return
        if any(one.revision == older for one in there.values()):
            return
        if await self._tools.specs.is_kept(self._service, older):
            self._out.saved.add(older)

    async def _save_overwritten(
        self, decision: Decision, facts: Mapping[ChildKey, Fact]
    ) -> None:
        """Keep the spec of a revision that is still needed and loses its slot."""
        needed = {
            self._record.history.rolled,
            self._record.history.previous,
            decision.history.previous,
        } - {""}
        seated = {(seat.slot, seat.revision) for seat in decision.seats}
        there = running(self._out.plan_or_fail(), facts.values(), self._record.weights)
        for slot, one in there.items():
            lost = one.revision in needed and (slot, one.revision) not in seated
            if lost and one.revision not in self._out.saved:
                await self._save(one.revision, slot)

    async def _save_rolled(self, facts: Mapping[ChildKey, Fact]) -> None:
        """Keep the specs that only the Deployments of a service to be stopped have."""
        plan = self._out.plan_or_fail()
        history = self._record.history
        newest = plan.revisions[0].name
        needed = {history.rolled, history.previous} - {"", newest}
        there = running(plan, facts.values(), self._record.weights)
        for slot, one in there.items():
            if one.revision in needed and one.revision not in self._out.saved:
                await self._save(one.revision, slot)

    async def _save(self, revision: str, slot: str) -> None:
        if await self._tools.specs.save(self._service, revision, slot):
            self._out.saved.add(revision)

    async def _forget_saved(self) -> None:
        history = self._out.history
        needless = self._out.saved - {history.rolled, history.previous}
        for revision in sorted(needless):
            await self._tools.specs.forget(self._service, revision)
            self._out.saved.discard(revision)

    def _slots(self, kept: Kept, facts: Mapping[ChildKey, Fact]) -> dict[str, str]:
        there = running(kept.planned.plan, facts.values(), self._record.weights)
        return {one.revision: slot for slot, one in there.items()} or _NOWHERE


def _accepted(facts: Mapping[ChildKey, Fact]) -> bool:
    """Say whether the gateway has taken every route as it is now."""
    routes = [each for each in facts.values() if isinstance(each, RouteFact)]
    return all(
        each.kind not in ROUTES
        or each.kind == "Ingress"
        or each.accepted_generation >= each.generation
        for each in routes
    )
