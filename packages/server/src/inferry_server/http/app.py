"""The ASGI application: one look at the path, one handler, one response."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from inferry.errors import ModelNotFound
from inferry_server.errors import MethodNotAllowed
from inferry_server.http.errors import error_response, refusal
from inferry_server.http.exchange import ClientGone, Request, Response, Room
from inferry_server.http.inference import Inference
from inferry_server.http.information import Information, version
from inferry_server.http.routes import match

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from inferry_server.http.exchange import Receive, Scope, Send
    from inferry_server.http.routes import Kind, Route
    from inferry_server.metrics import Metrics
    from inferry_server.models import Models
    from inferry_server.settings import ServerSettings

    Handler = Callable[[Request, Route], Awaitable[Response]]

_TOO_LARGE = 413
#: So many of the largest bodies may be there at a time, or many more smaller ones.
_BODIES = 16
#: Seconds that a client has to see that its body is refused.
_LINGER = 1.0
_CLOSE = (b"connection", b"close")


class App:
    """V1, V2, health and metrics for *models*."""

    def __init__(
        self, models: Models, metrics: Metrics, settings: ServerSettings
    ) -> None:
        self._models = models
        self._metrics = metrics
        self._settings = settings
        self._docs: Any = None
        self._room = Room(settings.max_body_bytes * _BODIES)
        self._information = Information(models, metrics)
        inference = Inference(models, settings)
        self._inference: dict[Kind, tuple[str, Handler]] = {
            "explain_v1": ("v1", inference.explain_v1),
            "infer": ("v2", inference.infer),
            "predict_v1": ("v1", inference.predict_v1),
        }

    def drain(self) -> None:
        """Be not ready from now on, and let connections go after their answer."""
        self._information.draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing that is raised leaves this method."""
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        request = Request(scope, receive, self._room)
        route = match(request.path)
        if route is not None and route.kind == "docs" and self._settings.docs:
            await (await self._load_docs())(scope, receive, send)
            return
        try:
            response = await self._respond(request, route)
        except ClientGone:
            return
        finally:
            request.release()
        refused = response.status == _TOO_LARGE or request.is_cut
        await response.send(
            send,
            close=self._information.draining or refused,
            linger=request.discard(_LINGER) if refused else None,
        )
        if route is not None and route.kind in self._inference:
            protocol, _ = self._inference[route.kind]
            # What clients invent must not become labels.
            model = route.model if route.model in self._models else ""
            seconds = time.perf_counter() - began
            self._metrics.request(model, protocol, response.status, seconds)

    async def _respond(self, request: Request, route: Route | None) -> Response:
        try:
            return await self._answer(request, route)
        except ClientGone:
            raise
        except TimeoutError:
            return refusal(408, "the request's body did not arrive in time", _CLOSE)
        except asyncio.CancelledError:
            return refusal(503, "the server stops", _CLOSE)
        except Exception as error:  # noqa: BLE001 - each becomes a status and a text
            return error_response(error, f"{request.method} {request.path[:200]}")

    async def _answer(self, request: Request, route: Route | None) -> Response:
        if route is None or route.kind == "docs":
            raise ModelNotFound(f"there is nothing at {request.path[:200]!r}")
        if request.method not in route.methods:
            raise MethodNotAllowed(
                f"{request.method} is not allowed here; use {route.methods[0]}",
                allowed=route.methods,
            )
        if route.kind in self._inference:
            _, handler = self._inference[route.kind]
            return await handler(request, route)
        return self._information.handlers[route.kind](request, route)

    async def _load_docs(self) -> Any:  # noqa: ANN401 - an ASGI application
        if self._docs is None:
            # 0.4 s of import, paid by the first who reads the documentation.
            self._docs = await asyncio.to_thread(_make_docs)
        return self._docs


def _make_docs() -> Any:  # noqa: ANN401 - an ASGI application
    from inferry_server.http.docs import make_docs

    return make_docs(version())
