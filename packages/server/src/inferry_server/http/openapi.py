"""Every route of the server as OpenAPI describes it.

A test compares the list with `inferry_server.http.routes`.
"""

from __future__ import annotations

from typing import Any

from inferry_server.http.described_routes import (
    CHANGES,
    INFERS,
    TELLS,
    Described,
)
from inferry_server.http.openai_described import OPENAI_ROUTES
from inferry_server.http.openai_errors import is_openai
from inferry_server.http.schemas import SCHEMAS, the

_JSON = "application/json"
_BINARY = "application/octet-stream"
_EVENT = "application/cloudevents+json"
_EVENTS = "text/event-stream"

#: What each status means; the same for every route that has it.
STATUSES = {
    400: "Something in the request is wrong; the text says what.",
    401: "Keys are asked for, and none that fits came.",
    403: "What is asked for is closed; the text names the flag that opens it.",
    404: "No such model, version, region or path.",
    408: "The rest of the request did not come in time.",
    409: "There is one of that name already.",
    413: "The body is over the limit, as it is or inflated.",
    499: "The client left; only logs and metrics show it.",
    500: "The model failed, or could not be loaded.",
    501: "The model or the server has no such ability.",
    503: "Not ready or busy; Retry-After says when to ask again.",
    504: "The answer did not come in time.",
}


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
_GENERATE = {"text_input": "Once upon a time", "parameters": {"max_tokens": 20}}
_MODEL = "/v2/models/{model}"
_VERSION = f"{_MODEL}/versions/{{version}}"
_CONTROL = "/v2/repository/models/{model}"

ROUTES = (
    Described("GET", "/", "Say that the server is alive.", "Alive"),
    Described("GET", "/metrics", "Give all numbers in Prometheus' format.", ""),
    Described("GET", "/v1/models", "List the models, as V1 and OpenAI do.", "ModelsV1"),
    Described(
        "GET",
        "/v1/models/{model}",
        "Say whether a model is ready.",
        "ModelReady",
        TELLS,
    ),
    Described(
        "POST",
        "/v1/models/{model}:predict",
        "Predict over V1.",
        "PredictResponse",
        INFERS,
        "PredictRequest",
        _V1,
    ),
    Described(
        "POST",
        "/v1/models/{model}:explain",
        "Explain over V1.",
        "ExplainResponse",
        (*INFERS, 501),
        "PredictRequest",
        _V1,
    ),
    *OPENAI_ROUTES,
    Described("GET", "/v2", "Name the server and its extensions.", "Server"),
    Described("GET", "/v2/health/live", "Say that the server is alive.", "Live"),
    Described(
        "GET",
        "/v2/health/ready",
        "Say whether a model serves and none loads.",
        "Ready",
        (503,),
    ),
    Described("GET", "/v2/models", "List the models.", "Models"),
    Described(
        "GET", "/v2/models/stats", "Count the calls of all models.", "Statistics"
    ),
    *(
        described
        for base, of in ((_MODEL, ""), (_VERSION, ", for one version"))
        for described in (
            Described(
                "GET",
                base,
                f"Describe a model's inputs and outputs{of}.",
                "Metadata",
                TELLS,
            ),
            Described(
                "GET",
                f"{base}/config",
                f"Give the configuration as Triton has it{of}.",
                "Config",
                TELLS,
            ),
            Described(
                "GET",
                f"{base}/ready",
                f"Say whether a model is ready, and why not{of}.",
                "ModelReady",
                TELLS,
            ),
            Described(
                "GET", f"{base}/stats", f"Count the calls{of}.", "Statistics", TELLS
            ),
            Described(
                "POST",
                f"{base}/infer",
                f"Infer over V2{of}.",
                "InferResponse",
                INFERS,
                "InferRequest",
                _V2,
            ),
            Described(
                "POST",
                f"{base}/generate",
                f"Infer with flat JSON{of}.",
                "GenerateResponse",
                INFERS,
                "GenerateRequest",
                _GENERATE,
            ),
            Described(
                "POST",
                f"{base}/generate_stream",
                f"Infer with flat JSON, an event for each answer{of}.",
                _EVENTS,
                INFERS,
                "GenerateRequest",
                _GENERATE,
            ),
        )
    ),
    Described(
        "POST",
        "/v2/repository/index",
        "List the models with their states.",
        "Index",
        (400, 408, 413),
        "IndexRequest",
        {"ready": True},
    ),
    Described(
        "POST",
        f"{_CONTROL}/load",
        "Load a model again, and wait until it is ready.",
        "Loaded",
        (*CHANGES, 500, 503),
        "LoadRequest",
        {"parameters": {}},
    ),
    Described(
        "POST",
        f"{_CONTROL}/unload",
        "Take a model out of service.",
        "Unloaded",
        CHANGES,
        "UnloadRequest",
        {"parameters": {"unload_dependents": False}},
    ),
    *(
        described
        for base, statuses in (("/v2", ()), (_MODEL, (404,)))
        for described in (
            Described(
                "GET",
                f"{base}/trace/setting",
                "Say what is traced.",
                "TraceSettings",
                statuses,
            ),
            Described(
                "POST",
                f"{base}/trace/setting",
                "Change what is traced.",
                "TraceSettings",
                (*CHANGES, 501) if statuses else (400, 403, 408, 413, 501),
                "TraceChanges",
                {"trace_rate": "100"},
            ),
        )
    ),
    Described("GET", "/v2/logging", "Say what is logged.", "LogSettings"),
    Described(
        "POST",
        "/v2/logging",
        "Change what is logged.",
        "LogSettings",
        (400, 403, 408, 413, 501),
        "LogChanges",
        {"log_verbose_level": 1},
    ),
    *(
        described
        for memory in ("system", "cuda")
        for base in [f"/v2/{memory}sharedmemory"]
        for described in (
            Described(
                "GET", f"{base}/status", f"List the {memory} shared memory.", "Regions"
            ),
            Described(
                "POST",
                f"{base}/unregister",
                f"Let go of all {memory} shared memory.",
                "Nothing",
                (400, 408, 413),
            ),
            Described(
                "GET",
                f"{base}/region/{{region}}/status",
                f"Show one region of {memory} shared memory.",
                "Regions",
                (404,),
            ),
            Described(
                "POST",
                f"{base}/region/{{region}}/register",
                f"Make {memory} shared memory known by a name.",
                "Nothing",
                (501,) if memory == "cuda" else (400, 403, 408, 409, 413),
                "Region",
                {"key": "/input_data", "offset": 0, "byte_size": 64},
            ),
            Described(
                "POST",
                f"{base}/region/{{region}}/unregister",
                f"Let go of one region of {memory} shared memory.",
                "Nothing",
                (400, 408, 413),
            ),
        )
    ),
)

_NAME = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}"
_PARAMETERS: dict[str, dict[str, Any]] = {
    "model": {"type": "string", "pattern": f"^{_NAME}$"},
    "version": {"type": "string", "pattern": "^[A-Za-z0-9_.-]+$"},
    "region": {"type": "string", "pattern": "^[^/]+$"},
}


def make_openapi(version: str) -> dict[str, Any]:
    """Return the OpenAPI document of a server of *version*."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Inferry model server", "version": version},
        "paths": paths,
        "components": {"schemas": SCHEMAS},
    }


def _operation(route: Described) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": _id(route.method, route.path),
        "tags": [_tag(route.path)],
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": schema}
            for name, schema in _PARAMETERS.items()
            if f"{{{name}}}" in route.path
        ],
        "responses": {
            "200": {"description": "Done.", "content": _content(route)},
            **{str(status): _refusal(route, status) for status in route.statuses},
        },
    }
    if route.request:
        content: dict[str, Any] = {"schema": the(route.request)}
        if route.example is not None:
            content["example"] = route.example
        operation["requestBody"] = {
            "required": route.request in _MUST,
            "content": {_JSON: content, **_OTHER_CONTENT.get(route.request, {})},
        }
    return operation


#: What requests may be beside plain JSON.
_OTHER_CONTENT: dict[str, dict[str, Any]] = {
    "InferRequest": {_BINARY: {"schema": {"type": "string", "format": "binary"}}},
    "PredictRequest": {_EVENT: {"schema": the("CloudEvent")}},
}
#: Requests that have no meaning without a body.
_MUST = {
    "GenerateRequest",
    "InferRequest",
    "OpenAIRequest",
    "PredictRequest",
    "Region",
}


def _content(route: Described) -> dict[str, Any]:
    if not route.response:
        return {"text/plain": {"schema": {"type": "string"}}}
    if route.response == _EVENTS:
        return {_EVENTS: {"schema": the("Event")}}
    content: dict[str, Any] = {_JSON: {"schema": the(route.response)}}
    if route.response == "InferResponse":
        content[_BINARY] = {"schema": {"type": "string", "format": "binary"}}
    if route.response == "Completion":
        content[_EVENTS] = {"schema": the("Completion")}
    if route.request == "PredictRequest":
        content[_EVENT] = {"schema": the("CloudEvent")}
    return content


def _refusal(route: Described, status: int) -> dict[str, Any]:
    error = "OpenAIError" if is_openai(route.path) else "Error"
    name = {"ModelReady": "NotReady", "Ready": "Ready"}.get(route.response, error)
    schema = the(name if status == 503 else error)  # noqa: PLR2004 - not ready
    return {
        "description": STATUSES[status],
        "content": {_JSON: {"schema": schema}},
    }


def _tag(path: str) -> str:
    if is_openai(path):
        return "OpenAI"
    return "V1" if path.startswith("/v1") else "V2"


def _id(method: str, path: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in path).split()
    return "_".join([method.lower(), *words])
