"""`inferry run` from its first line to its last: start, watch, report, stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from inferry.errors import BackendError, InferryError
from inferry_local._example import example
from inferry_local.control import Controlled, ControlServer
from inferry_local.watch import removed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from inferry.api import Document
    from inferry.backends import Applied, ServiceStatus
    from inferry_local.reports import Reporter
    from inferry_local.watch import Key, Reading, Targets

_log = logging.getLogger(__name__)
_START_SECONDS = 20.0
#: Of stopping, besides the time for requests under way.
_STOP_SECONDS = 45.0
_INTERRUPTED = 130


class Runnable(Controlled, Protocol):
    """What a run needs of a supervisor.

    ``drain_timeout`` is how many seconds of `stop` requests under way may take.
    """

    drain_timeout: float

    async def start(self) -> str:
        """Start what serves, and return its url."""

    async def broken(self) -> str:
        """Wait until what serves cannot go on, and return why."""

    async def stop(self) -> None:
        """Leave nothing running."""


class Run:
    """One foreground run; also what its control socket calls, so that it can report."""

    def __init__(
        self,
        supervisor: Runnable,
        reporter: Reporter,
        targets: Targets,
        *,
        watch: bool = True,
        exit_when_failed: bool = False,
    ) -> None:
        self._supervisor = supervisor
        self._reporter = reporter
        self._targets = targets
        self._watch = watch
        self._exit_when_failed = exit_when_failed
        self._from_files: frozenset[Key] = frozenset()
        self._models: frozenset[Key] = frozenset()
        self._stop = asyncio.Event()
        self._exit_code = 0
        self._trouble = ""
        self._shown: dict[Key, str] = {}
        self._noted: set[tuple[Key, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, reading: Reading) -> int:
        """Serve what *reading* holds until a signal; return the exit code.

        Raises:
            BackendError: The backend does not start, or cannot go on.

        """
        self._handle_signals()
        control = ControlServer(self, {"pid": os.getpid()})
        self._reporter.starting("Starting the local backend")
        try:
            url = await self._unless_stopped(self._supervisor.start())
            if url is not None:
                # Ray installs handlers of its own while it starts.
                self._handle_signals()
                await self._serve(control, url, reading)
        finally:
            await self._end(control)
        return self._exit_code

    async def apply(self, documents: Sequence[Document]) -> list[Applied]:
        """Apply, and report it."""
        applied = await self._supervisor.apply(documents)
        self._reporter.applied(applied)
        return applied

    async def delete(self, namespace: str, name: str) -> Applied:
        """Delete, and report it."""
        applied = await self._supervisor.delete(namespace, name)
        self._shown.pop((namespace, name), None)
        self._reporter.applied([applied])
        return applied

    async def delete_model(self, namespace: str, name: str) -> Applied:
        """Delete a TrainedModel, and report it."""
        applied = await self._supervisor.delete_model(namespace, name)
        self._reporter.applied([applied])
        return applied

    def status(
        self, namespace: str | None = None, name: str | None = None
    ) -> list[ServiceStatus]:
        """Return the services."""
        return self._supervisor.status(namespace, name)

    def logs(
        self, namespace: str, name: str, *, follow: bool, tail: int | None
    ) -> AsyncIterator[str]:
        """Yield log lines."""
        return self._supervisor.logs(namespace, name, follow=follow, tail=tail)

    def changes(self) -> AsyncIterator[ServiceStatus]:
        """Yield a status whenever one changes."""
        return self._supervisor.changes()

    async def _serve(self, control: ControlServer, url: str, reading: Reading) -> None:
        await control.start(urlsplit(url).port or 80)
        self._reporter.started(url)
        self._own(self._follow())
        self._own(self._until_broken())
        # The subscription must stand before the first change.
        await asyncio.sleep(0)
        self._from_files, self._models = reading.services, reading.models
        await self.apply(reading.documents)
        if self._watch:
            self._own(self._reload())
        await self._stop.wait()
        if self._trouble:
            raise BackendError(self._trouble, remedy="start `inferry run` again")

    async def _follow(self) -> None:
        """Report every change, and the command to try once a service is ready."""
        async for service in self._supervisor.changes():
            key = service.namespace, service.name
            self._reporter.status(service)
            for field in service.unhonoured:
                if (key, field) not in self._noted:
                    self._noted.add((key, field))
                    self._reporter.note(f"{service.name}: not honoured here: {field}")
            if service.phase == "Ready" and self._shown.get(key) != service.url:
                self._shown[key] = service.url
                self._own(self._example(service))
            if service.phase == "Failed" and self._exit_when_failed:
                self._exit_code = 1
                self._stop.set()

    async def _until_broken(self) -> None:
        """End the run with an error when its backend cannot go on."""
        self._trouble = await self._supervisor.broken()
        self._stop.set()

    async def _example(self, service: ServiceStatus) -> None:
        model = service.model or service.name
        command = await asyncio.to_thread(example, service.url, model)
        self._reporter.example(service, command)

    async def _reload(self) -> None:
        async for _edit in self._targets.edits(self._stop):
            reading = await asyncio.to_thread(self._targets.read)
            if reading.errors:
                self._reporter.problems([str(problem) for problem in reading.errors])
                continue
            try:
                for namespace, name in removed(self._models, reading.models):
                    await self.delete_model(namespace, name)
                self._models = reading.models
                await self.apply(reading.documents)
                for namespace, name in removed(self._from_files, reading.services):
                    await self.delete(namespace, name)
            except InferryError as error:
                self._reporter.problems([str(error)])
            else:
                self._from_files = reading.services

    async def _end(self, control: ControlServer) -> None:
        """Stop everything; when that takes too long, end the processes by force."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await control.stop()
        most = self._supervisor.drain_timeout + _STOP_SECONDS
        try:
            async with asyncio.timeout(most):
                await self._supervisor.stop()
        except TimeoutError:
            _log.warning("stopping took more than %g s: ended by force", most)
            _kill_children()
        finally:
            self._reporter.close()

    async def _unless_stopped(self, start: Coroutine[None, None, str]) -> str | None:
        """Await *start*; None when a signal comes first.

        Then too it is awaited for a while: what is half started is hard to end.
        """
        starting = asyncio.create_task(start)
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not self._stop.is_set():
                return await starting
            await asyncio.wait({starting}, timeout=_START_SECONDS)
        finally:
            for task in (starting, stopped):
                task.cancel()
            await asyncio.gather(starting, stopped, return_exceptions=True)
        return None

    def _own(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a task of the run failed", exc_info=task.exception())

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(ValueError, RuntimeError):
                loop.add_signal_handler(number, self._signalled)

    def _signalled(self) -> None:
        # A signal that comes while Ray installs its crash handler reaches that first,
        # which sets an alarm to abort this process within 3 s.
        signal.alarm(0)
        if not self._stop.is_set():
            self._stop.set()
            self._reporter.note("Stopping; once more to force it.")
            return
        _kill_children()
        self._reporter.close()
        os._exit(_INTERRUPTED)


def _kill_children() -> None:
    import psutil

    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            process.kill()
