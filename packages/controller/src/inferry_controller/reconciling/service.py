"""`ServiceReconciler`: what is done when something about a service changed.

Plan, decide where its revisions run, render, apply what differs, prune, observe, and
tell; on every way out the status says what is so. A pass that finds everything as the
last one left it makes no call.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from inferry_controller.kube.errors import NotFound
from inferry_controller.kube.kinds import INFERENCE_SERVICE
from inferry_controller.kube.workers import Result
from inferry_controller.observing import Addresses, observe, status_document
from inferry_controller.reconciling.claims import Claims
from inferry_controller.reconciling.drains import Drains
from inferry_controller.reconciling.history import Specs
from inferry_controller.reconciling.kinds import ROUTES
from inferry_controller.reconciling.passage import Passage
from inferry_controller.reconciling.plans import Plans
from inferry_controller.reconciling.records import Record, record_of, short, written
from inferry_controller.reconciling.reporting import Reporter, timestamp
from inferry_controller.reconciling.rivals import MESSAGE, REASON, Rivals
from inferry_controller.reconciling.settled import answering, is_settled, seen
from inferry_controller.reconciling.tools import Tools
from inferry_controller.rendering import Rendered
from inferry_controller.rendering.modes import mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from inferry.planning import ServingPlan
    from inferry_controller.kube.client import Client
    from inferry_controller.observing import Observation
    from inferry_controller.observing.facts import Fact
    from inferry_controller.reconciling.children import ChildKey, Children
    from inferry_controller.reconciling.looking import Looking
    from inferry_controller.reconciling.outcome import Outcome
    from inferry_controller.reconciling.stored import StoredService
    from inferry_controller.reconciling.telling import Telling
    from inferry_controller.reconciling.world import World

#: KServe's finalizer, which nobody takes away once its controller is gone.
KSERVE_FINALIZER = "inferenceservice.finalizers"
#: What `StoredService.body` holds where runtimes must not change a running service.
_FROZEN = b'"serving.kserve.io/disable-auto-update":"true"'
#: Seconds to the next try where only somebody else can help.
_REFUSED = 30.0
#: Seconds to the next step of a rollout that nobody else's change would bring.
_NEXT = 0.2
#: Seconds to the next look at pods whose state only their events tell.
_UNCLEAR = 4.0


class ServiceReconciler:
    """Reconciles services; ``get`` returns what is stored of one."""

    def __init__(
        self,
        client: Client,
        *,
        get: Callable[[str], StoredService | None],
        children: Children,
        world: World,
        telling: Telling,
        looking: Looking,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._get = get
        self._tools = Tools(
            client=client,
            world=world,
            children=children,
            claims=Claims(),
            specs=Specs(client),
            reporter=Reporter(client, clock),
            drains=Drains(clock),
            plans=Plans(),
            looking=looking,
            telling=telling,
        )
        self._rivals = Rivals(clock)
        self._done: dict[str, int] = {}

    async def __call__(self, key: str) -> Result | None:
        """Do one pass over the service *key*, ``namespace/name``.

        Raises:
            ApiError: The API server does not answer, or not yet; try again.

        """
        service = self._get(key)
        if service is None:
            self._forget(key)
            return None
        if service.deleting:
            await self._let_go(service)
            return None
        pause = self._rivals.pause(key)
        return Result(after=pause) if pause else await self._go_over(service)

    async def _go_over(self, service: StoredService) -> Result | None:
        tools, key = self._tools, service.key
        before = tools.reporter.status(service)
        record = record_of(before)
        inputs = self._inputs(service, record)
        facts = self._looked_at(key)
        done = self._state(service, inputs, facts)
        last = self._done.get(key)
        if last == done and not tools.drains.waits(key):
            return self._unconfirmed(key)
        if last is None and is_settled(service, record, before, facts, inputs):
            self._done[key] = done
            return None
        tools.children.begin(key)
        outcome = await Passage(tools, service, record, inputs).run()
        if outcome is None:
            return None
        self._done[key] = 0
        return await self._tell(service, before, inputs, outcome)

    def _looked_at(self, key: str) -> dict[ChildKey, Fact]:
        """Return all facts that a status tells of: the children's and the Gateway's."""
        tools = self._tools
        found = tools.children.of(key)
        gateway = tools.looking.gateway(tools.world.options.gateway)
        if gateway is not None:
            found[gateway.kind, gateway.name] = gateway
        return found

    def _state(
        self, service: StoredService, inputs: str, facts: Mapping[ChildKey, Fact]
    ) -> int:
        """Return a digest of all that a pass rests on: equal ones do the same."""
        told = self._tools.reporter.told(service)
        return hash((inputs, service.uid, told, tuple(facts.values())))

    def begin(self, services: Iterable[StoredService]) -> None:
        """Know what *services* have been given before this process was there."""
        for each in services:
            self._tools.claims.told(each.key, each.status_document())

    def is_news(self, before: StoredService, after: StoredService) -> bool:
        """Say whether a change of a service is more than our own status write."""
        same = before.asked == after.asked and before.uid == after.uid
        if not same:
            # What its author wants is done, whoever else writes the status.
            self._rivals.pardon(after.key)
        if not same or after.deleting or before.generation != after.generation:
            return True
        if before.status == after.status:
            return False
        if self._tools.reporter.is_mine(after):
            return False
        if self._rivals.wrote(after.key):
            self._tools.telling.warn(after, REASON, MESSAGE)
        return True

    def is_concerned(self, service: StoredService) -> bool:
        """Say whether a change of the world changes what *service* rests on."""
        record = record_of(self._tools.reporter.status(service))
        return self._inputs(service, record) != record.inputs

    def _inputs(self, service: StoredService, record: Record) -> str:
        asked = short(service.asked)
        frozen = _FROZEN in service.body and record.plain
        if frozen and record.inputs.partition("/")[0] == asked:
            # Runtimes may change: this one waits for an edit of its own.
            return record.inputs
        return f"{asked}/{short(self._tools.world.digest(service))}"

    async def _tell(
        self,
        service: StoredService,
        before: dict[str, Any],
        inputs: str,
        outcome: Outcome,
    ) -> Result | None:
        """Observe, write the status, and say when to look again."""
        tools, key = self._tools, service.key
        found = self._looked_at(key)
        disturbed = tools.children.disturbed(key)
        observation = await self._observed(service, outcome)
        outcome.observed(observation.serving)
        record = _record(outcome, inputs, found)
        if disturbed:
            # What it rested on is not what is there now; the change is queued.
            record = msgspec.structs.replace(record, seen="")
        status = status_document(
            observation,
            plan=outcome.plan,
            placements=_placed(outcome),
            addresses=_addresses(outcome),
            generation=service.generation,
            previous=before,
            now=timestamp(),
            mode=self._mode(outcome),
            problem=outcome.problem,
            notes=_notes(outcome),
            keep=written(record),
        )
        wait = await tools.reporter.report(service, status, before)
        if wait is None:
            tools.telling.tell(service, before, status)
        waits = [wait, tools.drains.left(key)]
        if outcome.again:
            waits.append(_REFUSED)
        elif not record.plain and outcome.history != outcome.record.history:
            # What this pass decided may be what the next one rests on.
            waits.append(_NEXT)
        if observation.unclear:
            waits.append(_UNCLEAR)
        counted = record.ready or outcome.decision is None
        if record.plain and observation.serving and counted:
            tools.plans.forget(key)
        after = min((each for each in waits if each is not None), default=None)
        if after is None:
            # Nothing of it waits: until something differs, nothing is left to do.
            if not disturbed:
                self._done[key] = self._state(service, inputs, found)
            return self._unconfirmed(key)
        return Result(after=after)

    def _unconfirmed(self, key: str) -> Result | None:
        """Look again where no watch may ever tell what became of a write."""
        left = self._tools.children.unconfirmed(key)
        return None if left is None else Result(after=left)

    async def _observed(self, service: StoredService, outcome: Outcome) -> Observation:
        tools = self._tools
        options = tools.world.options
        facts = tools.looking.facts(tools.children.of(service.key), options.gateway)
        rendered = _rendered(outcome)
        routes = [
            obj["metadata"]["name"] for obj in rendered.objects if obj["kind"] in ROUTES
        ]

        def look() -> Observation:
            return observe(
                outcome.plan,
                _placed(outcome),
                facts,
                rendered.problems,
                options=options,
                routes=routes if rendered.objects else None,
            )

        observation = look()
        if observation.unclear:
            facts = await tools.looking.with_events(
                facts, service.namespace, observation.unclear
            )
            observation = look()
        return observation

    def _mode(self, outcome: Outcome) -> str:
        if outcome.plan is None or outcome.problem is not None:
            return "Standard"
        return mode(outcome.plan, self._tools.world.options)

    def _forget(self, key: str) -> None:
        tools = self._tools
        self._done.pop(key, None)
        self._rivals.forget(key)
        tools.children.forget(key)
        tools.claims.forget(key)
        tools.reporter.forget(key)
        tools.drains.forget(key)
        tools.plans.forget(key)

    async def _let_go(self, service: StoredService) -> None:
        """Let a service be deleted: its children go with it, by their owner.

        Only what KServe's controller left on it would keep it for ever.
        """
        if KSERVE_FINALIZER not in service.finalizers:
            return
        rest = [each for each in service.finalizers if each != KSERVE_FINALIZER]
        change = {"metadata": {"finalizers": rest, "resourceVersion": service.version}}
        try:
            await self._tools.client.patch(
                INFERENCE_SERVICE, service.namespace, service.name, change
            )
        except NotFound:
            return


def _record(outcome: Outcome, inputs: str, found: Mapping[Any, Any]) -> Record:
    kept = outcome.kept
    return Record(
        # What may be taken another time is not finished.
        inputs="" if outcome.again else inputs,
        seen=seen(found),
        ready=answering(found),
        plain=outcome.plain,
        spec=kept.planned.spec_digest if kept else outcome.record.spec,
        runtime=kept.planned.runtime if kept else outcome.record.runtime,
        release=kept.planned.release if kept else outcome.record.release,
        history=outcome.history,
        weights=outcome.weights,
        saved=tuple(sorted(outcome.saved)),
        children=dict(sorted(outcome.children.items())),
    )


def _rendered(outcome: Outcome) -> Rendered:
    kept = outcome.kept
    return (kept.rendered if kept else None) or Rendered()


def _placed(outcome: Outcome) -> tuple[Any, ...]:
    return (outcome.kept.placements if outcome.kept else None) or ()


def _addresses(outcome: Outcome) -> Addresses:
    rendered = _rendered(outcome)
    return Addresses(
        url=rendered.url,
        address=rendered.address,
        components=dict(rendered.component_urls),
    )


def _notes(outcome: Outcome) -> list[str]:
    plan: ServingPlan | None = outcome.plan
    lost = (*(plan.unhonoured if plan else ()), *_rendered(outcome).problems)
    return [f"{each.path}: {each.why}" for each in lost]
