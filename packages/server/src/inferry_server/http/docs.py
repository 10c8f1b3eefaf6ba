"""The documentation of the routes, made by FastAPI; the routes themselves are not.

The inference routes stand here so that the schema has them, but the raw ASGI
application answers them before this one is asked.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, FastAPI

_ERROR = {"description": "What is wrong, as {'error': text}."}
_ERRORS: dict[int | str, dict[str, Any]] = dict.fromkeys(
    (400, 404, 413, 500, 503, 504), _ERROR
)
_V1 = {"instances": [[6.8, 2.8, 4.8, 1.4]]}
_V2 = {
    "inputs": [
        {
            "name": "input",
            "shape": [1, 4],
            "datatype": "FP32",
            "data": [6.8, 2.8, 4.8, 1.4],
        }
    ]
}
_ROUTES = (
    ("GET", "/", "Say that the server is alive."),
    ("GET", "/metrics", "Give all numbers in Prometheus' format."),
    ("GET", "/v1/models", "List the models."),
    ("GET", "/v1/models/{model}", "Say whether a model is ready."),
    ("GET", "/v2", "Name the server and its extensions."),
    ("GET", "/v2/health/live", "Say that the server is alive."),
    ("GET", "/v2/health/ready", "Say whether every model is ready."),
    ("GET", "/v2/models", "List the models."),
    ("GET", "/v2/models/{model}", "Describe a model's inputs and outputs."),
    ("GET", "/v2/models/{model}/ready", "Say whether a model is ready, and why not."),
    ("POST", "/v2/repository/index", "List the models with their states."),
)


def make_docs(version: str) -> FastAPI:
    """Return the application behind ``/openapi.json`` and ``/docs``."""
    app = FastAPI(title="Inferry model server", version=version, redoc_url=None)
    for method, path, summary in _ROUTES:
        app.add_api_route(
            path,
            _documented,
            methods=[method],
            summary=summary,
            operation_id=_id(method, path),
        )
    for path, summary, example in (
        ("/v1/models/{model}:predict", "Predict over V1.", _V1),
        ("/v1/models/{model}:explain", "Explain over V1.", _V1),
        ("/v2/models/{model}/infer", "Infer over V2.", _V2),
        ("/v2/models/{model}/versions/{version}/infer", "Infer with a version.", _V2),
    ):
        app.add_api_route(
            path,
            _with_body(example),
            methods=["POST"],
            summary=summary,
            responses=_ERRORS,
            operation_id=_id("POST", path),
        )
    return app


async def _documented() -> dict[str, Any]:
    return {}


def _with_body(example: dict[str, Any]) -> Any:  # noqa: ANN401 - an endpoint
    async def documented(
        body: Annotated[dict[str, Any], Body(examples=[example])],
    ) -> dict[str, Any]:
        return body

    documented.__annotations__["body"] = Annotated[
        dict[str, Any], Body(examples=[example])
    ]
    return documented


def _id(method: str, path: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in path).split()
    return "_".join([method.lower(), *words])
