"""The Ray Serve replica: a process in which our own server answers requests.

Ray Serve starts, watches and replaces it; requests reach its own port and pass through
nothing of Ray's. It reports over the channel and ends when the channel does, so that no
replica outlives its supervisor. It never raises for a model that cannot load: Ray would
start it again and again.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import ModelNotFound
from inferry_local import messages
from inferry_local.model_fields import BATCHER

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from inferry_server import ModelServer, ModelSpec, ModelState

#: How long the gateway has to hear that a replica takes no more requests.
LEAVE_SECONDS = 0.2


class Replica:
    """What Ray Serve runs; see `inferry_local.deployments` for how it is deployed."""

    def __init__(self, spec: str) -> None:
        """Start the server in a thread of its own and return at once."""
        told = msgspec.json.decode(spec, type=messages.ReplicaSpec)
        name = replica_name(told.revision)
        redirect_output(Path(told.logs) / f"{name}.log")
        set_environment(told)
        self._drain_timeout = told.drain_timeout
        self._serving = Serving(told, name)
        self._thread = threading.Thread(
            target=self._serving.run, name="inferry-replica", daemon=True
        )
        self._thread.start()

    def check_health(self) -> None:
        """Tell Ray Serve whether the server's thread is alive.

        Raises:
            RuntimeError: It is not; Ray Serve replaces the replica.

        """
        if not self._thread.is_alive():
            raise RuntimeError("the replica's server has ended")

    def __call__(self) -> None:
        """Answer nothing: requests go to the replica's own port."""

    def __del__(self) -> None:
        """Drain; Ray Serve calls this when it has chosen this replica to go."""
        self._serving.leave(self._drain_timeout)


def replica_name(revision: str) -> str:
    """Return ``<revision>-<id that Ray Serve gave>``, as logs and metrics show it."""
    from ray import serve

    return f"{revision}-{serve.get_replica_context().replica_id.unique_id[:5]}"


def redirect_output(path: Path) -> None:
    """Send all that this process prints to *path*, native libraries included.

    Python's fault handler writes there too: a crash in native code leaves its trace,
    and a process that ends without one was killed from outside.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    # Ray may have put other objects there; lines appear as they are printed.
    sys.stdout = open(1, "w", buffering=1, closefd=False, encoding="utf-8")  # noqa: SIM115 - lives as long as the process
    sys.stderr = open(2, "w", buffering=1, closefd=False, encoding="utf-8")  # noqa: SIM115 - lives as long as the process
    faulthandler.enable(2)


def set_environment(spec: messages.ReplicaSpec) -> None:
    """Set the container's variables, before anything of the model is imported."""
    for key in spec.forget:
        os.environ.pop(key, None)
    os.environ.update(spec.environment)


class Serving:
    """The server of one replica, in a thread and an event loop of its own."""

    def __init__(self, spec: messages.ReplicaSpec, name: str) -> None:
        self._spec = spec
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: ModelServer | None = None
        self._link: _Uplink | None = None
        self._drained: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self) -> None:
        """Serve until the channel closes, then end the process."""
        code = 1
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(self._serve())
            code = 0
        except (ConnectionError, FileNotFoundError):
            code = 0  # the supervisor is gone: there is nobody to tell
        except Exception as error:  # noqa: BLE001 - the process ends; its log says why
            print(f"replica ends: {error!r}", file=sys.stderr, flush=True)  # noqa: T201 - the log
        finally:
            # Nothing in this process may keep it, least of all a model that computes.
            os._exit(code)

    def leave(self, timeout: float) -> None:
        """Ask for no more requests and finish those in flight; from any thread."""
        loop = self._loop
        if loop is None or not loop.is_running():
            return
        leaving = asyncio.run_coroutine_threadsafe(self._leave(), loop)
        with contextlib.suppress(Exception):
            leaving.result(timeout)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        spec = self._spec
        reader, writer = await asyncio.open_unix_connection(
            spec.socket, limit=messages.MAX_LINE_BYTES
        )
        self._link = link = _Uplink(writer)
        link.send(
            messages.Hello(
                application=spec.application, replica=self._name, pid=os.getpid()
            )
        )
        self._server = await _start_server(spec, link)
        if self._server is not None and spec.model:
            self._begin(_load(self._server, spec.model, link))
        elif self._server is not None:
            self._server.models.may_be_empty = True
            link.send(messages.State(name="", phase="Ready"))
        while data := await reader.readline():
            self._told(messages.to_replica(data), link)
        for task in self._tasks:
            task.cancel()
        if self._server is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._server.stop()

    def _told(self, message: messages.ToReplica, link: _Uplink) -> None:
        """Do what the supervisor says."""
        if isinstance(message, messages.Drain):
            self._drain()
        elif self._server is None:
            return
        elif isinstance(message, messages.Load):
            self._begin(_load(self._server, message.model, link))
        else:
            self._begin(_unload(self._server, message.name))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _leave(self) -> None:
        if self._drained is None and self._link is not None:
            self._link.send(messages.Leaving())
            await asyncio.sleep(LEAVE_SECONDS)
        await self._drain()

    def _drain(self) -> asyncio.Task[None]:
        """Begin to drain, once."""
        if self._drained is None:
            self._drained = asyncio.create_task(_drain(self._server, self._link))
        return self._drained


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _start_server(
    spec: messages.ReplicaSpec, link: _Uplink
) -> ModelServer | None:
    name = str(spec.model.get("name", ""))
    try:
        from inferry_server import ModelServer, ServerSettings

        settings = msgspec.convert(
            {**spec.server, "host": "127.0.0.1", "http_port": 0}, ServerSettings
        )
        server = ModelServer(settings, on_state=link.report)
        port = await server.start()
    except Exception as error:  # noqa: BLE001 - whatever it is, the status tells it
        link.fail(name, f"the model server did not start: {error}")
        return None
    link.send(messages.Listening(port=port, grpc_port=server.ports.grpc or 0))
    return server


async def _load(server: ModelServer, told: Mapping[str, Any], link: _Uplink) -> None:
    name = str(told.get("name", ""))
    try:
        state = await server.load(_model_spec(told))
        lines = _unhonoured(server, name) if state.phase == "Ready" else ()
    except Exception as error:  # noqa: BLE001 - whatever it is, the status tells it
        link.fail(name, f"the model did not load: {error}")
    else:
        link.report(state, lines)


async def _unload(server: ModelServer, name: str) -> None:
    with contextlib.suppress(ModelNotFound):
        await server.unload(name)


def _model_spec(told: Mapping[str, Any]) -> ModelSpec:
    from inferry_server.states import Batching, ModelSpec, PayloadLog

    batching, log = told.get("batching"), told.get("payload_log")
    fields = {
        **told,
        "path": Path(told["path"]),
        "batching": batching and msgspec.convert(batching, Batching),
        "payload_log": log and msgspec.convert(log, PayloadLog),
    }
    return ModelSpec(**fields)


def _unhonoured(server: ModelServer, name: str) -> tuple[str, ...]:
    """Return what only the loaded model could tell: that it cannot be batched."""
    model = next((each for each in server.models.serving() if each.name == name), None)
    if model is None:
        return ()  # it has given way to another already
    if model.spec.batching is None or getattr(model.instance, "batching", False):
        return ()
    why = f"model {name!r} does not say that its rows are independent of each other"
    return (f"{BATCHER}: {why}, so requests are not merged",)


async def _drain(server: ModelServer | None, link: _Uplink | None) -> None:
    if server is not None:
        await server.drain()
    if link is not None:
        link.send(messages.Drained())


class _Uplink:
    """Sends to the supervisor; may be called from any thread."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._loop = asyncio.get_running_loop()

    def send(self, message: messages.FromReplica) -> None:
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._writer.write, messages.line(message))

    def report(self, state: ModelState, unhonoured: tuple[str, ...] = ()) -> None:
        self.send(
            messages.State(
                name=state.name,
                phase=state.phase,
                reason=state.reason,
                message=state.message,
                remedy=state.remedy,
                progress=state.progress,
                unhonoured=unhonoured,
            )
        )

    def fail(self, name: str, message: str) -> None:
        self.send(
            messages.State(
                name=name, phase="Failed", reason="RuntimeUnhealthy", message=message
            )
        )
