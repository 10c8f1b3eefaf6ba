"""Bring what runs of one service to what its plan says, without losing a request.

New revisions are fetched, deployed and awaited while the old ones keep the traffic; the
shares change once, when every new replica is ready; only then do old revisions drain
and go. A revision that does not become ready changes nothing but the status.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from typing import TYPE_CHECKING, Any, Protocol

from inferry.errors import StorageError
from inferry.status import Reason
from inferry_local import deployments, processes, traffic
from inferry_local.messages import Drain
from inferry_local.records import Failure, RevisionRecord, ServiceRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Sequence

    from inferry.planning import RevisionPlan
    from inferry.storage import Secret
    from inferry_local.messages import ReplicaSpec
    from inferry_local.ray_session import RaySession
    from inferry_local.sources import Fetcher, Fetching

logger = logging.getLogger(__name__)

#: How often a loading replica's memory is looked at.
SAMPLE_SECONDS = 0.5
#: The server ends a load that takes too long; a model that holds the interpreter
#: prevents that, and is given up this much later.
LOAD_GRACE_SECONDS = 10.0
#: How long a deleted service's processes have to end.
REMOVE_SECONDS = 10.0


class RolloutFailed(Exception):
    """A new revision does not become ready; ``failure`` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Surroundings(Protocol):
    """What a rollout needs of the supervisor."""

    ray: RaySession
    fetcher: Fetcher
    start_timeout: float
    load_timeout: float
    drain_timeout: float

    def replica_spec(
        self, service: ServiceRecord, revision: RevisionRecord
    ) -> ReplicaSpec:
        """Return what a replica of *revision* is told."""

    def secrets(self, namespace: str) -> Sequence[Secret]:
        """Return the Secrets and ServiceAccounts of *namespace*."""

    def changed(self, service: ServiceRecord, *, routes: bool = False) -> None:
        """Tell who watches; with *routes* the gateway's table is renewed, too."""

    async def ray_ready(self) -> None:
        """Wait until Ray runs."""


class Rollout:
    """One attempt to make one service what its plan says."""

    def __init__(self, service: ServiceRecord, around: Surroundings) -> None:
        self._service = service
        self._around = around

    async def run(self) -> None:
        """Do it; ends with the service's ``failure`` set or cleared."""
        service = self._service
        service.failure = None
        generation = service.generation
        previous = service.rolled_out if service.rolled_out in service.revisions else ""
        wanted = traffic.shares(service.plan, previous)
        try:
            await self._retire(self._abandoned(wanted))
            self._add_revisions(wanted)
            self._around.changed(service)
            await self._bring_up(self._waiting())
            await self._rescale(wanted)
        except RolloutFailed as failed:
            await self._give_up(failed.failure)
        else:
            await self._switch(wanted)
        finally:
            service.observed_generation = generation
            self._around.changed(service)

    async def remove(self) -> None:
        """End everything of the service."""
        self._service.traffic = {}
        going = list(self._service.revisions.values())
        links = [each.link for one in going for each in one.replicas.values()]
        family = processes.family(link.hello.pid for link in links)
        await self._retire(going)
        await asyncio.to_thread(processes.end, family, grace=REMOVE_SECONDS)

    async def _bring_up(self, waiting: list[RevisionRecord]) -> None:
        """Deploy what is not, and wait for all that has no traffic yet."""
        fresh = [each for each in waiting if not each.deployed]
        if fresh:
            await _all(self._fetch(revision) for revision in fresh)
            await self._around.ray_ready()
            for revision in fresh:
                revision.deployed = True
            await self._deploy(fresh)
        await _all(self._until_ready(revision) for revision in waiting)

    async def _deploy(self, revisions: list[RevisionRecord]) -> None:
        await self._around.ray.call(
            deployments.deploy,
            [
                deployments.Application(
                    name=revision.application,
                    replicas=revision.wanted,
                    spec=self._around.replica_spec(self._service, revision),
                )
                for revision in revisions
            ],
        )

    async def _fetch(self, revision: RevisionRecord) -> None:
        def tell(progress: Fetching) -> None:
            revision.progress, revision.doing = progress.share, progress.text
            self._around.changed(self._service)

        revision.stage = Reason.Downloading
        self._around.changed(self._service)
        try:
            secrets = self._around.secrets(self._service.plan.namespace)
            note = self._service.note
            fetcher = self._around.fetcher
            revision.path = await fetcher.fetch(revision, tell, secrets, note)
        except StorageError as error:
            failure = Failure(
                reason=error.reason, message=error.message, remedy=error.remedy
            )
            raise RolloutFailed(failure) from error
        finally:
            revision.stage = Reason.Pending
            revision.progress, revision.doing = None, ""

    async def _until_ready(self, revision: RevisionRecord) -> None:
        """Wait until every replica of *revision* is ready.

        Raises:
            RolloutFailed: One failed, or crashes again and again, or takes too long.

        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        while revision.ready < revision.wanted:
            self._check(revision, loop.time() - started)
            revision.changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SAMPLE_SECONDS):
                    await revision.changed.wait()
            for replica in revision.replicas.values():
                used = processes.resident_bytes(replica.link.hello.pid)
                replica.peak_bytes = max(replica.peak_bytes, used)

    def _check(self, revision: RevisionRecord, seconds: float) -> None:
        for replica in revision.replicas.values():
            if replica.state is not None and replica.state.phase == "Failed":
                raise RolloutFailed(revision.failed(replica.state))
        if revision.failure is not None:
            raise RolloutFailed(revision.failure)
        limit = self._around.start_timeout
        if not revision.replicas and not revision.crashes and seconds > limit:
            raise RolloutFailed(
                Failure(
                    reason=Reason.RuntimeUnhealthy,
                    message=f"no replica's process started within {limit:.0f} s",
                )
            )
        load_limit = self._around.load_timeout
        if load_limit and seconds > load_limit + limit + LOAD_GRACE_SECONDS:
            raise RolloutFailed(
                Failure(
                    reason=Reason.LoadTimeout,
                    message=f"the model did not load within {load_limit:.0f} s",
                )
            )

    async def _rescale(self, wanted: dict[str, int]) -> None:
        """Give revisions that run already the number of replicas the plan now says."""
        plans = {each.name: each for each in self._service.plan.revisions}
        for name in wanted:
            revision, plan = self._service.revisions[name], plans.get(name)
            if plan is None:
                continue
            count = replicas(plan)
            revision.plan = plan
            if count != revision.wanted:
                await self._scale(revision, count)

    async def _scale(self, revision: RevisionRecord, count: int) -> None:
        """Change the number of replicas; those that go drain first."""
        await self._around.ray_ready()
        self._service.note(f"revision {revision.name}: {count} replicas")
        revision.wanted = count
        await self._deploy([revision])
        await self._until_ready(revision)

    async def _switch(self, wanted: dict[str, int]) -> None:
        service = self._service
        old = [each for name, each in service.revisions.items() if name not in wanted]
        service.traffic = wanted
        service.rolled_out = traffic.rolled_out(service.plan, service.rolled_out)
        if wanted:
            shown = ", ".join(f"{name} {share}%" for name, share in wanted.items())
            service.note(f"traffic: {shown}")
        elif old:
            service.note("stopped")
        self._around.changed(service, routes=True)
        await self._retire(old)

    async def _give_up(self, failure: Failure) -> None:
        service = self._service
        failed = self._waiting()
        service.failure = failure
        service.note(f"revision {service.latest} failed: {failure.message}")
        for revision in failed:
            revision.failure = failure
        self._around.changed(service, routes=True)
        await self._retire(failed)

    async def _retire(self, revisions: Iterable[RevisionRecord]) -> None:
        going = list(revisions)
        for revision in going:
            revision.retiring = True
        await _all(self._drain(each) for each in going if each.was_ready)
        for revision in going:
            if revision.deployed:
                await self._around.ray.call(deployments.delete, revision.application)
            if not revision.was_ready:
                _kill(revision)
            self._around.fetcher.release(revision)
            self._service.revisions.pop(revision.name, None)

    async def _drain(self, revision: RevisionRecord) -> None:
        links = [replica.link for replica in revision.replicas.values()]
        for link in links:
            link.send(Drain())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._around.drain_timeout):
                await _all(link.drained.wait() for link in links)

    def _abandoned(self, wanted: dict[str, int]) -> list[RevisionRecord]:
        """Return what an earlier rollout began and nobody needs any more."""
        return [
            each
            for each in self._waiting()
            if each.name not in wanted or each.failure or each.retiring
        ]

    def _waiting(self) -> list[RevisionRecord]:
        """Return the revisions that have no traffic."""
        service = self._service
        return [
            r for name, r in service.revisions.items() if name not in service.traffic
        ]

    def _add_revisions(self, wanted: dict[str, int]) -> None:
        revisions = self._service.revisions
        for plan in self._service.plan.revisions:
            if plan.name in wanted and plan.name not in revisions:
                revisions[plan.name] = self._record(plan)

    def _record(self, plan: RevisionPlan) -> RevisionRecord:
        service = self._service
        service.attempts += 1
        namespace, name = service.plan.namespace, service.plan.name
        return RevisionRecord(
            plan=plan,
            application=f"{namespace}.{name}.{plan.name}.{service.attempts}",
            wanted=replicas(plan),
        )


def replicas(plan: RevisionPlan) -> int:
    """Return how many replicas the plan asks for: at least one, this is no cluster."""
    component = plan.component("predictor")
    return max(component.scaling.minimum, 1) if component else 1


def _kill(revision: RevisionRecord) -> None:
    """End processes whose model still loads: one that hangs would not end by itself."""
    for replica in revision.replicas.values():
        failed = replica.state is not None and replica.state.phase == "Failed"
        if not failed and not replica.link.gone.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(replica.link.hello.pid, signal.SIGKILL)


async def _all(work: Iterable[Awaitable[Any]]) -> list[Any]:
    """Await everything; the first failure cancels the rest."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
