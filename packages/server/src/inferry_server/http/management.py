"""The routes that change what the server does: models, traces, logs.

Reading is open on every port. Changing is open on the management port, and on those
for inference only where the settings say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.errors import InvalidInput
from inferry_server.errors import NotPermitted
from inferry_server.http.documents import document, read_object, read_parameters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from inferry_server.http.exchange import Request, Response
    from inferry_server.http.routes import Kind, Route
    from inferry_server.services import Services


class Management:
    """Answers for the repository, the traces and the logs of *services*.

    *is_open* says whether changes may come in here.
    """

    def __init__(self, services: Services, *, is_open: bool) -> None:
        self._services = services
        self._settings = services.settings
        self._repository = services.repository
        self._is_open = is_open
        self.handlers: Mapping[Kind, Callable[[Request, Route], Awaitable[Response]]]
        self.handlers = {
            "index": self._index,
            "load": self._load,
            "logging": self._logging,
            "trace": self._trace,
            "unload": self._unload,
        }

    async def _index(self, request: Request, _route: Route) -> Response:
        ready = (await read_object(request, self._settings)).get("ready", False)
        if not isinstance(ready, bool):
            raise InvalidInput("'ready' is neither true nor false")
        return document(self._repository.index(ready=ready))

    async def _load(self, request: Request, route: Route) -> Response:
        self._check_open("loading a model")
        parameters = read_parameters(await read_object(request, self._settings))
        await self._repository.load(route.model, parameters)
        return document({"name": route.model, "load": True})

    async def _unload(self, request: Request, route: Route) -> Response:
        self._check_open("unloading a model")
        parameters = read_parameters(await read_object(request, self._settings))
        await self._repository.unload(route.model, parameters)
        return document({"name": route.model, "unload": True})

    async def _trace(self, request: Request, route: Route) -> Response:
        traces = self._services.trace_settings
        if route.model:
            self._services.models.state(route.model)
        if request.method == "POST":
            self._check_open("changing the trace settings")
            traces.change(route.model, await read_object(request, self._settings))
        return document(traces.of(route.model))

    async def _logging(self, request: Request, _route: Route) -> Response:
        logs = self._services.log_settings
        if request.method == "POST":
            self._check_open("changing the log settings")
            logs.change(await read_object(request, self._settings))
        return document(logs.values())

    def _check_open(self, what: str) -> None:
        if not self._is_open:
            raise NotPermitted(
                f"{what} is not open on this port; use the management port of the "
                "server, or start it with --allow_management"
            )
