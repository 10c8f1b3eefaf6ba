"""The ASGI application: one look at the path, one handler, one response."""

from __future__ import annotations

import asyncio
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from inferry_server.described import version
from inferry_server.errors import NotPermitted
from inferry_server.http.answering import PROTOCOLS
from inferry_server.http.compression import packed
from inferry_server.http.errors import error_response, refusal
from inferry_server.http.exchange import (
    CLOSE,
    ClientGone,
    Request,
    Response,
    Room,
    unless_gone,
)
from inferry_server.http.generate_stream import Streaming
from inferry_server.http.inference import json_length
from inferry_server.http.information import Information
from inferry_server.http.management import Management
from inferry_server.http.memory import Memory
from inferry_server.http.missed import not_allowed, nothing_at
from inferry_server.http.openai import OpenAI
from inferry_server.http.openai_errors import is_openai, openai_error, openai_refusal
from inferry_server.http.routes import match
from inferry_server.memory import ModelAsleep

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from inferry_server.http.answering import Answering
    from inferry_server.http.exchange import Receive, Scope, Send
    from inferry_server.http.routes import Kind, Route
    from inferry_server.http.streaming import Stream
    from inferry_server.services import Services

    Reply = Response | Stream
    Handler = Callable[[Request, Route], Response | Awaitable[Reply]]

_TOO_LARGE = 413
#: So many of the largest bodies may be there at a time, or many more smaller ones.
_BODIES = 16
#: Seconds that a client has to see that its body is refused.
_LINGER = 1.0
#: What uvloop says of a client that has left, before it tells us that it has.
_GONE = "the handler is closed"
_INFERENCE = {*PROTOCOLS, "generate_stream", "openai"}
#: What is compressed besides the answers of models. tritonclient's http.aio asks for
#: gzip everywhere and reads metadata, configurations and statistics as they come.
_PACKED = {"docs", "metrics"}


class App:
    """V1, V2, health, management and metrics of one server.

    On the management port all changes are open, and inference is not.
    """

    def __init__(
        self, services: Services, answering: Answering, *, is_management: bool = False
    ) -> None:
        self._settings = settings = services.settings
        self._answering = answering
        self._is_management = is_management
        self._docs: Any = None
        #: Whether connections go after their answer.
        self.draining = False
        self.room = Room(settings.max_body_bytes * _BODIES)
        self._information = Information(services)
        is_open = is_management or settings.allow_management
        self._handlers: Mapping[Kind, Handler] = {
            **self._information.handlers,
            **Management(services, is_open=is_open).handlers,
            **Memory(services).handlers,
            "generate_stream": Streaming(services, answering).generate_stream,
            **OpenAI(services, answering).handlers,
        }

    def drain(self) -> None:
        """Be not ready from now on, and let connections go after their answer."""
        self.draining = self._information.draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing that is raised leaves this method."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive, self.room, self._settings.max_inflate_ratio)
        route = match(request.path)
        if self._is_docs(request, route):
            await (await self._load_docs())(scope, receive, send)
            return
        try:
            response = await self._respond(request, route)
        except ClientGone:
            return
        finally:
            request.release()
        refused = response.status == _TOO_LARGE or request.is_cut
        try:
            await response.send(
                send,
                close=self.draining or refused,
                linger=request.discard(_LINGER) if refused else None,
            )
        except RuntimeError as error:
            if _GONE not in str(error):
                raise
            await asyncio.sleep(0)  # so that uvicorn hears of it too

    def _is_docs(self, request: Request, route: Route | None) -> bool:
        return (
            route is not None
            and route.kind == "docs"
            and self._settings.docs
            and request.method in route.methods
        )

    async def _respond(self, request: Request, route: Route | None) -> Reply:
        try:
            route = self._allowed(request, route)
            if route.kind in PROTOCOLS:
                return await self._infer(request, route)
            return await self._handle(request, route)
        except ClientGone:
            raise
        except asyncio.CancelledError:
            refused = openai_refusal if is_openai(request.path) else refusal
            return refused(503, "the server stops", CLOSE)
        except Exception as error:  # noqa: BLE001 - each becomes a status and a text
            told = openai_error if is_openai(request.path) else error_response
            return told(error, f"{request.method} {request.path[:200]}")

    def _allowed(self, request: Request, route: Route | None) -> Route:
        if route is None or (route.kind == "docs" and not self._settings.docs):
            raise nothing_at(request.path)
        if request.method not in route.methods:
            raise not_allowed(request.method, request.path, route)
        if self._is_management and route.kind in _INFERENCE:
            raise NotPermitted(
                "inference is not open on the management port; use the port of "
                "--http_port"
            )
        return route

    async def _handle(self, request: Request, route: Route) -> Reply:
        try:
            answer = self._handlers[route.kind](request, route)
        except ModelAsleep as asleep:
            await asleep.wake()
            answer = self._handlers[route.kind](request, route)
        reply = answer if isinstance(answer, Response) else await answer
        if not isinstance(reply, Response) or route.kind not in _PACKED:
            return reply
        answer = packed(reply, request.headers)
        return answer if isinstance(answer, Response) else await answer

    async def _infer(self, request: Request, route: Route) -> Response:
        call = self._answering.begin(route, request.headers)
        try:
            self._answering.check(route)
            body = await request.body(
                self._settings.max_body_bytes,
                self._settings.read_timeout,
                json_length(request.headers) or 0,
            )
        except (ClientGone, asyncio.CancelledError):
            self._answering.gone(call, route)
            raise
        except Exception as error:  # noqa: BLE001 - each becomes a status and a text
            return self._answering.failed(call, route, error)
        call.read = perf_counter_ns()
        answer = self._answering.answer(call, route, body)
        if isinstance(answer, Response):
            return answer
        return await unless_gone(request, answer)

    async def _load_docs(self) -> Any:  # noqa: ANN401 - an ASGI application
        if self._docs is None:
            # 0.4 s of import, paid by the first who reads the documentation.
            self._docs = await asyncio.to_thread(_make_docs)
        return self._docs


def _make_docs() -> Any:  # noqa: ANN401 - an ASGI application
    from inferry_server.http.docs import make_docs

    return make_docs(version())
