"""The routes that tell about the server and its models; none waits for a model."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from inferry_server.described import counted, server_metadata
from inferry_server.http.documents import document
from inferry_server.http.exchange import Response
from inferry_server.http.openai import described, models_of
from inferry_server.memory import ModelAsleep
from inferry_server.model_config import model_config, model_metadata

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from inferry_server.http.exchange import Request
    from inferry_server.http.routes import Kind, Route
    from inferry_server.services import Services

    Answer = Response | Awaitable[Response]
    Handler = Callable[[Request, Route], Answer]
_OK = 200


#: What every server has of the protocol's extensions, by the names that Triton uses.
class Information:
    """Answers health, metadata, statistics and metrics.

    ``draining`` makes the server not ready.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._models = services.models
        self.draining = False
        self.handlers: Mapping[Kind, Handler] = {
            "alive": lambda *_: document({"status": "alive"}),
            "live": lambda *_: document({"live": True}),
            "metrics": self._render_metrics,
            "model_config": self._config,
            "model_ready": self._model_ready,
            "model_statistics": self._statistics,
            "model_v1": self._model_v1,
            "model_v2": self._model,
            "models_v1": self._list_v1,
            "models_v2": self._list,
            "ready": self._ready,
            "server": self._server,
        }

    def _server(self, _request: Request, _route: Route) -> Response:
        return document(server_metadata(self._services.settings))

    def _ready(self, _request: Request, _route: Route) -> Response:
        ready = self._models.ready and not self.draining
        return document({"ready": ready}, 200 if ready else 503)

    def _list(self, _request: Request, _route: Route) -> Response:
        return document({"models": sorted(self._models.states())})

    def _list_v1(self, _request: Request, _route: Route) -> Response:
        # The path is V1's and OpenAI's; each reads what it knows.
        listed = {"models": sorted(self._models.states())}
        return document({**listed, **models_of(self._models.serving())})

    def _model(self, _request: Request, route: Route) -> Answer:
        model = self._models.get(route.model, route.version)
        if model.passing is not None:
            return model.passing.told(route)
        return document(model_metadata(model))

    def _config(self, _request: Request, route: Route) -> Answer:
        model = self._models.get(route.model, route.version)
        if model.passing is not None:
            return model.passing.told(route)
        return document(model_config(model))

    def _statistics(self, _request: Request, route: Route) -> Answer:
        if route.model:
            asked = [self._models.get(route.model, route.version)]
            if asked[0].passing is not None:
                return asked[0].passing.told(route)
        else:
            asked = sorted(self._models.serving(), key=lambda model: model.name)
        of = self._services.statistics.of
        found = [
            counted(of(model.name), route.version or model.versions[-1])
            for model in asked
        ]
        return document({"model_stats": found})

    def _model_v1(self, request: Request, route: Route) -> Response:
        ready = self._model_ready(request, route)
        if ready.status != _OK:
            return ready
        told: dict[str, object] = {}
        with contextlib.suppress(ModelAsleep):
            model = self._models.get(route.model)
            told = described(model) if model.openai else {}
        return document({"name": route.model, "ready": True, **told})

    def _model_ready(self, _request: Request, route: Route) -> Response:
        state = self._models.state(route.model)
        if state.phase == "Ready":
            with contextlib.suppress(ModelAsleep):  # the next request wakes it
                self._models.get(route.model, route.version)
            return document({"name": route.model, "ready": True})
        why = state.message or state.phase
        body = {
            "name": state.name,
            "ready": False,
            "phase": state.phase,
            "reason": state.reason,
            "message": state.message,
            "remedy": state.remedy,
            "error": f"model {state.name!r} is not ready: {why}",
        }
        return document(body, 503)

    async def _render_metrics(self, request: Request, _route: Route) -> Response:
        accept = request.headers.get("accept", "")
        text, content_type = await self._services.metrics.render(accept)
        return Response(200, [text], content_type.encode())
