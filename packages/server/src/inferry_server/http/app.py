"""The ASGI application: one look at the path, one handler, one response."""

from __future__ import annotations

import asyncio
import time
from importlib import metadata
from typing import TYPE_CHECKING, Any

import orjson

from inferry.errors import ModelNotFound
from inferry_server.errors import MethodNotAllowed, NotPermitted
from inferry_server.http.errors import error_response, refusal
from inferry_server.http.exchange import ClientGone, Request, Response
from inferry_server.http.inference import Inference
from inferry_server.http.routes import match
from inferry_server.states import ON_THE_WAY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from inferry.model import TensorSpec
    from inferry_server.http.exchange import Receive, Scope, Send
    from inferry_server.http.routes import Kind, Route
    from inferry_server.loaded import LoadedModel
    from inferry_server.metrics import Metrics
    from inferry_server.models import Models
    from inferry_server.settings import ServerSettings
    from inferry_server.states import ModelState

    Handler = Callable[[Request, Route], Awaitable[Response]]

EXTENSIONS = ("binary_tensor_data", "model_repository")
_PROTOCOLS: dict[Kind, str] = {
    "predict_v1": "v1",
    "explain_v1": "v1",
    "infer": "v2",
}


class App:
    """V1, V2, health and metrics for *models*; ``draining`` makes it not ready."""

    def __init__(
        self, models: Models, metrics: Metrics, settings: ServerSettings
    ) -> None:
        self._models = models
        self._metrics = metrics
        self._settings = settings
        self._docs: Any = None
        self.draining = False
        inference = Inference(models, settings)
        self._handlers: dict[Kind, Handler] = {
            "alive": self._alive,
            "explain_v1": inference.explain_v1,
            "index": self._index,
            "infer": inference.infer,
            "live": self._live,
            "manage": self._manage,
            "metrics": self._render_metrics,
            "model_ready": self._model_ready,
            "model_v1": self._model_v1,
            "model_v2": self._model_v2,
            "models_v1": self._list,
            "models_v2": self._list,
            "predict_v1": inference.predict_v1,
            "ready": self._ready,
            "server": self._server,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing that is raised leaves this method."""
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        request = Request(scope, receive)
        route = match(request.path)
        if route is not None and route.kind == "docs" and self._settings.docs:
            await (await self._load_docs())(scope, receive, send)
            return
        try:
            response = await self._respond(request, route)
        except ClientGone:
            return
        await response.send(send, close=self.draining)
        protocol = _PROTOCOLS.get(route.kind) if route else None
        if route and protocol:
            model = route.model if response.status != 404 else ""  # noqa: PLR2004 - HTTP
            seconds = time.perf_counter() - began
            self._metrics.request(model, protocol, response.status, seconds)

    async def _respond(self, request: Request, route: Route | None) -> Response:
        try:
            if route is None or route.kind not in self._handlers:
                raise ModelNotFound(f"there is nothing at {request.path[:200]!r}")
            if request.method not in route.methods:
                raise MethodNotAllowed(
                    f"{request.method} is not allowed here; use {route.methods[0]}",
                    allowed=route.methods,
                )
            return await self._handlers[route.kind](request, route)
        except ClientGone:
            raise
        except TimeoutError:
            return refusal(
                408, "the request's body did not arrive", (b"connection", b"close")
            )
        except asyncio.CancelledError:
            return refusal(503, "the server stops", (b"connection", b"close"))
        except Exception as error:  # noqa: BLE001 - each becomes a response with its status
            return error_response(error, f"{request.method} {request.path[:200]}")

    async def _alive(self, request: Request, route: Route) -> Response:
        return _json({"status": "alive"})

    async def _live(self, request: Request, route: Route) -> Response:
        return _json({"live": True})

    async def _ready(self, request: Request, route: Route) -> Response:
        ready = self._models.ready and not self.draining
        return _json({"ready": ready}, 200 if ready else 503)

    async def _server(self, request: Request, route: Route) -> Response:
        return _json(
            {"name": "inferry", "version": _version(), "extensions": list(EXTENSIONS)}
        )

    async def _list(self, request: Request, route: Route) -> Response:
        return _json({"models": sorted(self._models.states())})

    async def _index(self, request: Request, route: Route) -> Response:
        states = self._models.states().values()
        return _json([_index_entry(state) for state in states])

    async def _model_v1(self, request: Request, route: Route) -> Response:
        return self._readiness(route)

    async def _model_ready(self, request: Request, route: Route) -> Response:
        return self._readiness(route)

    async def _model_v2(self, request: Request, route: Route) -> Response:
        return _json(_describe(self._models.get(route.model, route.version)))

    def _readiness(self, route: Route) -> Response:
        state = self._models.state(route.model)
        if state.phase == "Ready":
            self._models.get(route.model, route.version)
            return _json({"name": state.name, "ready": True})
        body = {
            "name": state.name,
            "ready": False,
            "phase": state.phase,
            "reason": state.reason,
            "message": state.message,
            "remedy": state.remedy,
            "error": f"model {state.name!r} is not ready: {state.message or state.phase}",
        }
        return _json(body, 503)

    async def _manage(self, request: Request, route: Route) -> Response:
        raise NotPermitted(
            "models are not loaded or unloaded over this port; change what the server "
            "serves where it was started"
        )

    async def _render_metrics(self, request: Request, route: Route) -> Response:
        text, content_type = self._metrics.render(request.headers.get("accept", ""))
        return Response(200, [text], content_type.encode())

    async def _load_docs(self) -> Any:  # noqa: ANN401 - an ASGI application
        if self._docs is None:
            # 0.4 s of import, paid by the first who reads the documentation.
            self._docs = await asyncio.to_thread(_make_docs)
        return self._docs


def _make_docs() -> Any:  # noqa: ANN401 - an ASGI application
    from inferry_server.http.docs import make_docs

    return make_docs(_version())


def _json(document: object, status: int = 200) -> Response:
    return Response(status, [orjson.dumps(document)])


def _version() -> str:
    return metadata.version("inferry-server")


def _describe(model: LoadedModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "versions": list(model.versions),
        "platform": model.metadata.platform,
        "inputs": [_tensor(spec) for spec in model.metadata.inputs],
        "outputs": [_tensor(spec) for spec in model.metadata.outputs],
    }


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def _index_entry(state: ModelState) -> dict[str, str]:
    if state.phase == "Ready":
        word = "READY"
    else:
        word = "LOADING" if state.phase in ON_THE_WAY else "UNAVAILABLE"
    return {"name": state.name, "state": word, "reason": state.message}
