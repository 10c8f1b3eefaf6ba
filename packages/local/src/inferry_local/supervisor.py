"""The process behind one local endpoint: Ray, the gateway and every service's state.

It is driven from three sides: documents are applied, replicas report over the channel,
and status is asked for. All of it happens in one event loop; Ray is called in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from typing import TYPE_CHECKING, Any

from inferry.api import InferenceService, TrainedModel
from inferry.errors import BackendError
from inferry.planning import secrets_of
from inferry_gateway import Gateway
from inferry_local import logs as replica_logs
from inferry_local import status
from inferry_local._ports import loopback
from inferry_local.applying import Key, action_of, applied_as, key, plan_services
from inferry_local.channel import Channel
from inferry_local.folder import private_folder, remove_folder
from inferry_local.ray_session import RaySession
from inferry_local.records import Failure, RevisionRecord, ServiceRecord
from inferry_local.rollout import Rollout
from inferry_local.roster import Roster
from inferry_local.routes import gateway_service, gateway_settings
from inferry_local.sources import Fetcher
from inferry_local.specs import replica_spec
from inferry_local.trained import TrainedModels
from inferry_local.watchers import Watchers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence
    from pathlib import Path

    from inferry.api import Document
    from inferry.backends import Action, Applied, ServiceStatus
    from inferry.config import Settings
    from inferry.planning import RuntimeChoice
    from inferry.plugins import Plugins
    from inferry.storage import Secret
    from inferry_local.applying import Planned
    from inferry_local.messages import ReplicaSpec
    from inferry_local.trained import TrainedPlan

logger = logging.getLogger(__name__)

ROLLOUT_CANCEL_SECONDS = 2.0
SPARE_DELAY_SECONDS = 1.0


class Supervisor:
    """Serves InferenceServices on this machine, from `start` to `stop`."""

    def __init__(self, settings: Settings, plugins: Plugins) -> None:
        self._settings = settings
        self._plugins = plugins
        local = settings.section("local")
        self.start_timeout = float(local.get("start_timeout") or 60)
        self._server_settings = settings.section("server")
        self.drain_timeout = float(self._server_settings.get("drain_timeout", 30))
        self.load_timeout = float(self._server_settings.get("load_timeout") or 0)
        self._folder = private_folder()
        self.ray = RaySession(
            self._folder, object_store_mb=int(local.get("object_store_mb") or 80)
        )
        self.fetcher = Fetcher(plugins, settings)
        self._trained = TrainedModels(self.fetcher)
        self._roster = Roster(
            changed=self.changed,
            started=self._warm,
            welcome=self._trained.welcome,
            logs=self._logs,
            crash_limit=max(int(local.get("crash_limit") or 2), 1),
        )
        self._channel = Channel(self._folder / "replicas.sock", self._roster)
        self._gateway = Gateway(gateway_settings(settings))
        self._watchers = Watchers()
        self._services: dict[str, ServiceRecord] = {}
        self._documents: dict[Key, Document] = {}
        self._ray_started: asyncio.Task[None] | None = None
        self._spare: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._url = ""

    # What the command line and the control socket use

    async def start(self) -> str:
        """Listen and start Ray; return the url of the local endpoint.

        Raises:
            BackendError: The port is taken, or Ray does not start.

        """
        port = await self._gateway.start()
        await self._channel.start()
        host = self._gateway.settings.host
        shown = "127.0.0.1" if host in {"", "0.0.0.0", "::"} else host  # noqa: S104 - shown, not bound
        self._url = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"
        self._own(replica_logs.keep_bounded(self._folder / "logs"))
        self._ray_started = asyncio.create_task(self.ray.start())
        await self._ray_started
        return self._url

    async def apply(self, documents: Sequence[Document]) -> list[Applied]:
        """Plan everything, then roll out what has changed, in the background.

        Raises:
            PlanningError, BackendError: A document cannot be served; nothing changed.

        """
        merged = {**self._documents, **{key(each): each for each in documents}}
        changed = {k for k, each in merged.items() if self._documents.get(k) != each}
        runtimes = [d for k, d in merged.items() if k[0] != "InferenceService"]
        given = {key(each) for each in documents}
        again = any(k[0] != "InferenceService" for k in changed)
        services = [
            document
            for k, document in merged.items()
            if isinstance(document, InferenceService) and (k in given or again)
        ]
        planned = {
            key(each.service): each
            for each in plan_services(
                services,
                runtimes,
                self._plugins,
                self._settings,
                chosen=self._chosen(changed),
                known={
                    (each.plan.namespace, each.plan.name): each.hosts
                    for each in self._services.values()
                },
            )
        }
        applied = [
            applied_as(each, action_of(each in self._documents, each in changed))
            for each in given
            if each not in planned
        ]
        self._documents = merged
        for each, plan in planned.items():
            action = self._take(plan)
            if each in given:
                applied.append(applied_as(each, action))
        order = [key(each) for each in documents]
        return sorted(applied, key=lambda a: order.index((a.kind, a.namespace, a.name)))

    async def delete(self, namespace: str, name: str) -> Applied:
        """Remove a service; returns when nothing of it runs.

        Raises:
            BackendError: There is no such service.

        """
        service = self._service(namespace, name)
        await self._cancel(service)
        del self._services[service.key]
        self._documents.pop(("InferenceService", namespace, name), None)
        self._route()
        await Rollout(service, self).remove()
        self._roster.forget(service)
        return applied_as(("InferenceService", namespace, name), "deleted")

    async def delete_model(self, namespace: str, name: str) -> Applied:
        """Remove a TrainedModel.

        Raises:
            BackendError: There is no such model.

        """
        model = self._documents.get(("TrainedModel", namespace, name))
        if not isinstance(model, TrainedModel):
            raise BackendError(f"there is no TrainedModel {namespace}/{name}")
        service = self._service(namespace, model.spec.inference_service)
        del self._documents[key(model)]
        if name in service.trained:
            self._trained.remove(service, name)
        self.changed(service, routes=True)
        return applied_as(key(model), "deleted")

    def status(
        self, namespace: str | None = None, name: str | None = None
    ) -> list[ServiceStatus]:
        """Return the services, all where *namespace* and *name* are None."""
        return [
            status.service_status(service, self._url)
            for _, service in sorted(self._services.items())
            if namespace in {None, service.plan.namespace}
            and name in {None, service.plan.name}
        ]

    async def logs(
        self,
        namespace: str,
        name: str,
        *,
        follow: bool = False,
        tail: int | None = None,
    ) -> AsyncIterator[str]:
        """Yield what the service's replicas print, each line prefixed by its replica.

        Raises:
            BackendError: There is no such service.

        """
        folder = self._logs(self._service(namespace, name))
        async for line in replica_logs.lines(folder, follow=follow, tail=tail):
            yield line

    async def changes(self) -> AsyncIterator[ServiceStatus]:
        """Yield every service's status now, then each whenever it changes."""
        with self._watchers.watch(self._services) as watcher:
            while True:
                for name in await watcher.next():
                    if name in self._services:
                        yield status.service_status(self._services[name], self._url)

    async def broken(self) -> str:
        """Wait until what serves cannot go on, and return why."""
        await self.ray_ready()
        name = await self.ray.broken()
        return f"Ray's process {name} has ended, without which no replica can start"

    async def stop(self) -> None:
        """End everything that was started; leaves nothing running.

        Requests under way have ``[server] drain_timeout`` seconds to be answered.
        """
        for service in self._services.values():
            with contextlib.suppress(Exception):
                await self._cancel(service)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(Exception):
            await self._gateway.drain(self.drain_timeout)
        await self._gateway.stop()
        await self._channel.stop()
        if self._ray_started is not None:
            self._ray_started.cancel()
            await asyncio.gather(self._ray_started, return_exceptions=True)
        await self.ray.stop()
        await asyncio.to_thread(remove_folder, self._folder)

    # What rollouts use

    async def ray_ready(self) -> None:
        """Wait until Ray runs.

        Raises:
            BackendError: It does not start.

        """
        if self._ray_started is None:
            raise BackendError("the local backend is not started")
        await asyncio.shield(self._ray_started)

    def replica_spec(
        self, service: ServiceRecord, revision: RevisionRecord
    ) -> ReplicaSpec:
        """Return what a replica of *revision* is told, and expect it."""
        self._roster.expect(service, revision)
        return replica_spec(
            revision,
            socket=self._channel.path,
            logs=self._logs(service),
            server=self._server_settings,
            drain_timeout=self.drain_timeout,
            forget=() if "OMP_NUM_THREADS" in os.environ else ("OMP_NUM_THREADS",),
            namespace=service.plan.namespace,
            hosts=service.hosts,
        )

    def secrets(self, namespace: str) -> tuple[Secret, ...]:
        """Return the Secrets and ServiceAccounts of *namespace*; no file holds them."""
        return secrets_of(self._documents.values(), namespace)

    def changed(self, service: ServiceRecord, *, routes: bool = False) -> None:
        """Tell who watches; with *routes* the gateway's table is renewed, too."""
        if routes:
            self._route()
        self._watchers.changed(service.key)

    # Services

    def _take(self, planned: Planned) -> Action:
        """Make *planned* what its service should be, and begin to roll it out."""
        action = self._take_service(planned)
        service = self._services[planned.plan.key]
        if planned.trained or service.trained:
            self._own(self._bring(service, planned.trained))
        return action

    async def _bring(
        self, service: ServiceRecord, wanted: Sequence[TrainedPlan]
    ) -> None:
        secrets = self.secrets(service.plan.namespace)
        try:
            await self._trained.bring(service, wanted, secrets)
        except Exception:
            logger.exception("the TrainedModels of %s", service.key)
        self.changed(service, routes=True)

    def _take_service(self, planned: Planned) -> Action:
        service = self._services.get(planned.plan.key)
        if service is None:
            service = ServiceRecord(
                plan=planned.plan, document=planned.document, hosts=planned.hosts
            )
            self._services[service.key] = service
            self._logs(service).mkdir(mode=0o700, parents=True, exist_ok=True)
            service.note("created")
            action: Action = "created"
        elif service.plan == planned.plan and service.failure is None:
            service.document = planned.document
            return "unchanged"
        else:
            action = "unchanged" if service.plan == planned.plan else "configured"
            service.generation += action == "configured"
            service.plan, service.document = planned.plan, planned.document
            service.hosts = planned.hosts
            service.note("applied again" if action == "unchanged" else "configured")
        self._route()
        before = service.rollout
        service.rollout = self._own(self._roll_out(service, before))
        return action

    async def _roll_out(
        self, service: ServiceRecord, before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            before.cancel()
            await asyncio.gather(before, return_exceptions=True)
        self.changed(service)
        try:
            await Rollout(service, self).run()
        except Exception as error:
            logger.exception("rollout of %s", service.key)
            service.failure = Failure(
                reason="RuntimeUnhealthy", message=f"the rollout failed: {error}"
            )
        self._roster.forget(service)
        self.changed(service, routes=True)

    async def _cancel(self, service: ServiceRecord) -> None:
        if service.rollout is None:
            return
        service.rollout.cancel()
        await asyncio.wait([service.rollout], timeout=ROLLOUT_CANCEL_SECONDS)

    def _chosen(self, changed: Collection[Key]) -> dict[Key, RuntimeChoice]:
        """Return the runtimes of services that have not *changed*: they keep them."""
        plans = [record.plan for record in self._services.values()]
        return {
            name: predictor.runtime
            for plan in plans
            for name in [("InferenceService", plan.namespace, plan.name)]
            for predictor in [plan.revisions[0].component("predictor")]
            if name not in changed and predictor and predictor.runtime
        }

    def _service(self, namespace: str, name: str) -> ServiceRecord:
        try:
            return self._services[f"{namespace}/{name}"]
        except KeyError:
            known = ", ".join(sorted(self._services)) or "none"
            raise BackendError(
                f"there is no InferenceService {namespace}/{name} (here: {known})",
                remedy="see `inferry get`",
            ) from None

    def _route(self) -> None:
        # Beyond this machine, its paths are nobody's business.
        in_full = loopback(self._gateway.settings.host)
        self._gateway.update(
            gateway_service(each, in_full=in_full) for each in self._services.values()
        )

    def _logs(self, service: ServiceRecord) -> Path:
        return self._folder / "logs" / service.plan.namespace / service.plan.name

    async def _keep_spare(self) -> None:
        """Prepare a process for the next replica, once this one has its processor."""
        await asyncio.sleep(SPARE_DELAY_SECONDS)
        await self.ray.keep_spare()

    def _warm(self) -> None:
        if self._spare is None or self._spare.done():
            self._spare = self._own(self._keep_spare())

    def _own(self, work: Any) -> asyncio.Task[Any]:  # noqa: ANN401 - any coroutine
        task: asyncio.Task[Any] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
