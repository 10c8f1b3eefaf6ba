"""A listening socket with uvicorn behind it, in a loop that somebody else runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from typing import TYPE_CHECKING, cast

import uvicorn

from inferry.errors import BackendError
from inferry_server.http.fast import fast_protocol
from inferry_server.http.protocol import limited_protocol
from inferry_server.sockets import BACKLOG, bind

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Generator

    from inferry_server.auth.asgi import Application
    from inferry_server.http.answering import Answering
    from inferry_server.http.app import App
    from inferry_server.http.protocol import LimitedProtocol
    from inferry_server.settings import ServerSettings

logger = logging.getLogger(__name__)

#: asyncio accepts as many connections in a row as it was told that may wait. Where no
#: file descriptor is left it fails, and logs, as often, and so ever again.
_AT_ONCE = 1
_TICK = 0.1
_POLL = 0.005
#: Seconds that cancelled requests have to answer that they are.
_LAST_WORDS = 1.0


class _Uvicorn(uvicorn.Server):
    """uvicorn without its signal handlers: who owns the loop owns the signals.

    It also ends as soon as it can, where uvicorn sleeps a tenth of a second here and
    there, and a later `leave` may shorten an earlier one.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leave = asyncio.Event()
        self._deadline = math.inf

    def leave(self, patience: float) -> None:
        """Stop accepting; cut off what is still in flight after *patience* seconds."""
        self._deadline = min(self._deadline, time.monotonic() + patience)
        self.should_exit = True
        self._leave.set()

    async def main_loop(self) -> None:
        """Tick as uvicorn does, ten times a second, until `leave`."""
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            now = asyncio.get_running_loop().time()
            connections = cast("set[LimitedProtocol]", self.server_state.connections)
            for connection in list(connections):
                connection.sweep(now)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await self._leave.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what listens, let connections end, then end them."""
        for server in self.servers:
            server.close()
        for sock in sockets or []:
            sock.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        await self._until(lambda: not state.tasks and not state.connections)
        if state.tasks:
            logger.warning("cutting off %d requests in flight", len(state.tasks))
        for task in state.tasks:
            task.cancel()
        self._deadline = time.monotonic() + _LAST_WORDS
        await self._until(lambda: not state.tasks)
        for connection in list(state.connections):
            connection.transport.close()

    async def _until(self, done: Callable[[], bool]) -> None:
        while not done() and time.monotonic() < self._deadline:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(_POLL)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def is_plain(settings: ServerSettings) -> bool:
    """Say whether nothing stands between a request and its model.

    Lane 0 passes by every ASGI application, so it must be off where one decides who
    may ask, or has to see each request.
    """
    return settings.fast_lane and not (
        settings.api_keys
        or settings.jwt_keys
        or settings.middleware
        or settings.tracing
    )


class Listener:
    """Serves *app* from `start` to `stop`, with lane 0 where nothing forbids it.

    Without *answering* there is no lane 0. *address* is where to listen, where that is
    not for inference, and the flag that chooses it; *front* is what stands before *app*
    where there is something.
    """

    def __init__(
        self,
        app: App,
        settings: ServerSettings,
        answering: Answering | None,
        address: tuple[str, int, str] | None = None,
        *,
        front: Application | None = None,
    ) -> None:
        self._address = address or (settings.host, settings.http_port, "--http_port")
        config = uvicorn.Config(
            front or app,
            http=(
                fast_protocol(app, answering, settings)
                if answering is not None and is_plain(settings)
                else limited_protocol(settings)
            ),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=_AT_ONCE,
            timeout_keep_alive=math.ceil(settings.keep_alive_timeout),
        )
        self._server = _Uvicorn(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Bind, accept from now on, and return the port.

        Raises:
            BackendError: The address cannot be had.

        """
        sock = bind(*self._address)
        port: int = sock.getsockname()[1]
        self._task = asyncio.create_task(self._server.serve(sockets=[sock]))
        while not self._server.started:
            if self._task.done():
                sock.close()
                self._task.result()
                raise BackendError(f"the listener on port {port} ended at once")
            await asyncio.sleep(0.001)
        sock.listen(BACKLOG)
        return port

    async def stop(self, patience: float) -> None:
        """Stop accepting; what is in flight has *patience* seconds."""
        if self._task is None:
            return
        self._server.leave(patience)
        await asyncio.wait({self._task})
        error = self._task.exception()
        if error is not None:
            logger.error("the listener failed", exc_info=error)


def management_listener(
    app: App, settings: ServerSettings, *, front: Application
) -> Listener | None:
    """Return what serves *app* to this machine alone; None where no port is set."""
    if settings.management_port is None:
        return None
    address = ("127.0.0.1", settings.management_port, "--management_port")
    return Listener(app, settings, None, address, front=front)
