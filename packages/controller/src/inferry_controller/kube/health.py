"""A small HTTP server for probes and metrics: /healthz, /readyz, /metrics.

It runs on every replica, the leader or not, from the first moment on: alive is not the
same as ready, and both are asked for while the caches fill.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from inferry.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class HealthServer:
    """Serves probes and metrics on *host* and *port* (0: any, see `port`).

    *alive* and *ready* are named checks; each returns what is wrong, or nothing.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        alive: Mapping[str, Callable[[], str]],
        ready: Mapping[str, Callable[[], str]],
        metrics: Callable[[], bytes],
    ) -> None:
        self._host = host
        self._port = port
        self._checks = {"/healthz": dict(alive), "/readyz": dict(ready)}
        self._metrics = metrics
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port that is served, once started."""
        if self._runner is None or not self._runner.addresses:
            return self._port
        return int(self._runner.addresses[0][1])

    async def start(self) -> None:
        """Listen.

        Raises:
            BackendError: when the port is taken.
        """
        app = web.Application(client_max_size=1024)
        app.router.add_get("/healthz", self._probe)
        app.router.add_get("/readyz", self._probe)
        app.router.add_get("/metrics", self._expose)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self.stop()
            raise BackendError(
                f"cannot listen on {self._host}:{self._port}: {error.strerror}",
                remedy="choose another port of health and metrics",
            ) from None

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _probe(self, request: web.Request) -> web.Response:
        said = {name: check() for name, check in self._checks[request.path].items()}
        wrong = any(said.values())
        lines = [
            f"[-]{name} failed: {text}" if text else f"[+]{name} ok"
            for name, text in said.items()
        ]
        if not wrong and "verbose" not in request.query:
            return web.Response(text="ok")
        return web.Response(text="\n".join(lines) + "\n", status=503 if wrong else 200)

    async def _expose(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), headers={"Content-Type": _TEXT})
