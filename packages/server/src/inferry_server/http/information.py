"""The routes that tell about the server and its models; none waits for a model."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

import orjson

from inferry_server.errors import NotPermitted
from inferry_server.http.exchange import Response
from inferry_server.states import ON_THE_WAY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inferry.model import TensorSpec
    from inferry_server.http.exchange import Request
    from inferry_server.http.routes import Kind, Route
    from inferry_server.loaded import LoadedModel
    from inferry_server.metrics import Metrics
    from inferry_server.models import Models
    from inferry_server.states import ModelState

EXTENSIONS = ("binary_tensor_data", "model_repository")


class Information:
    """Answers health, metadata and metrics; ``draining`` makes the server not ready."""

    def __init__(self, models: Models, metrics: Metrics) -> None:
        self._models = models
        self._metrics = metrics
        self.draining = False
        self.handlers: Mapping[Kind, Callable[[Request, Route], Response]] = {
            "alive": lambda *_: _json({"status": "alive"}),
            "index": self._index,
            "live": lambda *_: _json({"live": True}),
            "manage": _manage,
            "metrics": self._render_metrics,
            "model_ready": self._model_ready,
            "model_v1": self._model_ready,
            "model_v2": self._model,
            "models_v1": self._list,
            "models_v2": self._list,
            "ready": self._ready,
            "server": _server,
        }

    def _ready(self, _request: Request, _route: Route) -> Response:
        ready = self._models.ready and not self.draining
        return _json({"ready": ready}, 200 if ready else 503)

    def _list(self, _request: Request, _route: Route) -> Response:
        return _json({"models": sorted(self._models.states())})

    def _index(self, _request: Request, _route: Route) -> Response:
        states = self._models.states().values()
        return _json([_index_entry(state) for state in states])

    def _model(self, _request: Request, route: Route) -> Response:
        return _json(_describe(self._models.get(route.model, route.version)))

    def _model_ready(self, _request: Request, route: Route) -> Response:
        state = self._models.state(route.model)
        if state.phase == "Ready":
            self._models.get(route.model, route.version)
            return _json({"name": state.name, "ready": True})
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
        return _json(body, 503)

    def _render_metrics(self, request: Request, _route: Route) -> Response:
        text, content_type = self._metrics.render(request.headers.get("accept", ""))
        return Response(200, [text], content_type.encode())


def version() -> str:
    """Return the version of this server."""
    return metadata.version("inferry-server")


def _server(_request: Request, _route: Route) -> Response:
    name = {"name": "inferry", "version": version(), "extensions": EXTENSIONS}
    return _json(name)


def _manage(_request: Request, _route: Route) -> Response:
    raise NotPermitted(
        "models are not loaded or unloaded over this port; change what the server "
        "serves where it was started"
    )


def _json(document: object, status: int = 200) -> Response:
    return Response(status, [orjson.dumps(document)])


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
