"""The life of a controller process: what starts when, and how it ends.

The order is controller-runtime's. Probes and metrics are served first, then the caches
fill, then the lease is waited for, and only then is anything reconciled: a reconcile on
an empty cache would take every object for missing. It stops in reverse, within 30 s.
A process that loses the lease ends at once, with a status of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from typing import TYPE_CHECKING, Any

from inferry.errors import BackendError, InferryError
from inferry_controller.kube.election import NotLeading
from inferry_controller.kube.health import HealthServer
from inferry_controller.kube.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from inferry_controller.kube.client import Client
    from inferry_controller.kube.election import Election
    from inferry_controller.kube.reflector import Reflector
    from inferry_controller.kube.workers import Workers

_log = logging.getLogger(__name__)

#: What the process exits with: stopped as asked; it could not go on; the lease is lost.
STOPPED, FAILED, LEASE_LOST = 0, 1, 75
#: Seconds for the caches to fill, and for everything to end.
SYNC, GRACE = 120.0, 30.0
#: Seconds for a cancelled task to tidy up.
_CANCELLED = 5.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Manager:
    """Runs reflectors, workers and servers together; `run` returns an exit status."""

    def __init__(
        self,
        client: Client,
        *,
        election: Election | None = None,
        metrics: Metrics | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        sync: float = SYNC,
        grace: float = GRACE,
    ) -> None:
        self.client = client
        self.election = election
        self.metrics = metrics or Metrics()
        self.health = HealthServer(
            host=host,
            port=port,
            alive={"ping": lambda: "", "lease": self._lease},
            ready={"caches": self._unsynced},
            metrics=self.metrics.exposition,
        )
        client.transport.counted = self.metrics.called
        self._sync = sync
        self._grace = grace
        self._reflectors: list[Reflector[Any]] = []
        self._workers: list[Workers[Any]] = []
        self._always: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._leading: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._before: list[Callable[[], Awaitable[None]]] = []
        self._stop = asyncio.Event()
        self._synced = False
        self._begun = False

    def watch(self, *reflectors: Reflector[Any]) -> None:
        """Keep the stores of *reflectors* filled, on standbys too."""
        self._reflectors += reflectors

    def work(self, *workers: Workers[Any]) -> None:
        """Have *workers* work while the lease is held."""
        for each in workers:
            each.queue.meter = self.metrics.queue(each.name, each.queue)
            each.meter = each.meter or self.metrics.work(each.name, each.count)
        self._workers += workers

    def always(self, task: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run *task* from the start to the end, on standbys too."""
        self._always.append(task)

    def leading(self, task: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run *task* while the lease is held, beside the workers."""
        self._leading.append(task)

    def before_work(self, step: Callable[[], Awaitable[None]]) -> None:
        """Await *step* once, when the lease is held and before the first reconcile."""
        self._before.append(step)

    def stop(self) -> None:
        """Have `run` end; a second call changes nothing."""
        self._stop.set()

    async def run(self, *, signals: bool = True) -> int:
        """Run until stopped, by `stop` or a signal; return the status to exit with."""
        if signals:
            self._heed()
        tasks: list[asyncio.Task[None]] = []
        try:
            await self.health.start()
            return await self._live(tasks)
        except NotLeading as error:
            _log.critical("%s; this process ends", error)
            return LEASE_LOST
        except InferryError as error:
            _log.critical("%s", error)
            return FAILED
        finally:
            await _ended(tasks)
            await self.health.stop()
            if signals:
                self._ignore()

    # -- phases

    async def _live(self, tasks: list[asyncio.Task[None]]) -> int:
        tasks += [
            asyncio.create_task(each.run(freeze=True), name=f"watch {each.kind}")
            for each in self._reflectors
        ]
        tasks += [asyncio.create_task(each()) for each in self._always]
        stopped = asyncio.create_task(self._stop.wait(), name="stop")
        work = asyncio.create_task(self._serve(), name="serve")
        try:
            await asyncio.wait(
                [stopped, work, *tasks], return_when=asyncio.FIRST_COMPLETED
            )
            _raise_first(work, *tasks)
            if not self._stop.is_set():
                raise BackendError("a task of the controller ended, which none should")
            await self._drain(work)
            return STOPPED
        finally:
            await _ended([stopped, work])

    async def _serve(self) -> None:
        """Wait for caches and lease; reconcile until cancelled or drained."""
        await self._filled()
        if self.election is None:
            return await self._reconcile()
        label = self.metrics.leading.labels(self.election.name)
        label.set(0)
        await self.election.acquire()
        label.set(1)
        self.client.fence = self.election.check
        keep = asyncio.create_task(self.election.keep(), name="lease")
        work = asyncio.create_task(self._reconcile(), name="reconcile")
        try:
            await asyncio.wait([keep, work], return_when=asyncio.FIRST_COMPLETED)
            _raise_first(keep, work)
        finally:
            label.set(0)
            await _ended([work, keep])
            self.client.fence = None
            # What was begun has ended: a standby may go on from here at once.
            with contextlib.suppress(InferryError):
                await self.election.release()
        return None

    async def _filled(self) -> None:
        try:
            async with asyncio.timeout(self._sync):
                for each in self._reflectors:
                    await each.wait_synced()
        except TimeoutError:
            raise BackendError(
                f"not all objects were listed within {self._sync:g} s: "
                f"{self._unsynced()}",
                remedy="see the warnings above: RBAC, or an API server that is slow",
            ) from None
        gc.collect()
        gc.freeze()
        self._synced = True
        _log.info("the caches are filled: %d objects", self._known())

    async def _reconcile(self) -> None:
        for step in self._before:
            await step()
        self._begun = True
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(each()) for each in self._leading]
            async with asyncio.TaskGroup() as working:
                for each in self._workers:
                    working.create_task(each.run(), name=each.name)
                if not self._workers:
                    await self._stop.wait()
            for task in beside:
                task.cancel()

    async def _drain(self, work: asyncio.Task[None]) -> None:
        """Let the workers end what they began, for as long as there is time."""
        _log.info("stopping")
        for each in self._workers:
            each.queue.shutdown()
        if not self._begun:
            return
        done, _ = await asyncio.wait([work], timeout=self._grace)
        if not done:
            _log.warning("stopped in the middle of work after %g s", self._grace)
        else:
            _raise_first(work)

    # -- checks

    def _unsynced(self) -> str:
        if self._synced:
            return ""
        missing = [str(each.kind) for each in self._reflectors if not each.synced]
        return f"waiting for {', '.join(missing)}" if missing else ""

    def _lease(self) -> str:
        if self.client.fence is None or self.election is None:
            return ""
        return "" if self.election.leading else "the lease is lost"

    def _known(self) -> int:
        return sum(len(store) for store in {r.store for r in self._reflectors})

    # -- signals

    def _heed(self) -> None:
        loop = asyncio.get_running_loop()
        for each in _SIGNALS:
            loop.add_signal_handler(each, self._signalled)

    def _ignore(self) -> None:
        loop = asyncio.get_running_loop()
        for each in _SIGNALS:
            loop.remove_signal_handler(each)

    def _signalled(self) -> None:
        if self._stop.is_set():
            # Whoever asks twice does not want to wait; the lease will run out.
            sys.exit(FAILED)
        self._stop.set()


def _raise_first(*tasks: asyncio.Task[None]) -> None:
    """Raise what ended one of *tasks*, out of the groups it came through."""
    for task in tasks:
        error = task.exception() if task.done() and not task.cancelled() else None
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if error is not None:
            raise error


async def _ended(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel *tasks* and wait for their end."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_CANCELLED)
