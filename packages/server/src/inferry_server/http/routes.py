"""Which path is what; the one table of the server's routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from inferry.openai import PATHS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Kind = Literal[
    "alive",
    "docs",
    "explain_v1",
    "generate",
    "generate_stream",
    "index",
    "infer",
    "live",
    "load",
    "logging",
    "memory_register",
    "memory_status",
    "memory_unregister",
    "metrics",
    "model_config",
    "model_ready",
    "model_statistics",
    "model_v1",
    "model_v2",
    "models_v1",
    "models_v2",
    "openai",
    "openai_model",
    "openai_models",
    "predict_v1",
    "ready",
    "server",
    "trace",
    "unload",
]
#: Which memory a route is about; cuda is there for clients that tidy up.
Memory = Literal["", "cuda", "system"]

_FIXED: Mapping[str, Kind] = {
    "/": "alive",
    "/docs": "docs",
    "/metrics": "metrics",
    "/openai/v1/models": "openai_models",
    "/openapi.json": "docs",
    "/v1/models": "models_v1",
    "/v2": "server",
    "/v2/health/live": "live",
    "/v2/health/ready": "ready",
    "/v2/logging": "logging",
    "/v2/models": "models_v2",
    "/v2/models/stats": "model_statistics",
    "/v2/repository/index": "index",
    "/v2/trace/setting": "trace",
}
_V1_VERBS: Mapping[str, Kind] = {"predict": "predict_v1", "explain": "explain_v1"}
_V2_VERBS: Mapping[str, Kind] = {
    "": "model_v2",
    "config": "model_config",
    "generate": "generate",
    "generate_stream": "generate_stream",
    "infer": "infer",
    "ready": "model_ready",
    "stats": "model_statistics",
}
_REPOSITORY_VERBS: Mapping[str, Kind] = {"load": "load", "unload": "unload"}
_MEMORY_VERBS: Mapping[str, Kind] = {
    "register": "memory_register",
    "status": "memory_status",
    "unregister": "memory_unregister",
}
_READ = ("GET", "HEAD")
_METHODS: Mapping[Kind, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "explain_v1",
            "generate",
            "generate_stream",
            "index",
            "infer",
            "load",
            "memory_register",
            "memory_unregister",
            "openai",
            "predict_v1",
            "unload",
        ),
        ("POST",),
    ),
    **dict.fromkeys(("logging", "trace"), (*_READ, "POST")),
}


class Route(NamedTuple):
    """One path, taken apart; "" and None are what it does not name."""

    kind: Kind
    model: str = ""
    version: str | None = None
    region: str = ""
    memory: Memory = ""
    operation: str = ""

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that the path answers to."""
        return _METHODS.get(self.kind, _READ)


_FIXED_ROUTES: Mapping[str, Route] = {
    **{path: Route(kind) for path, kind in _FIXED.items()},
    **{path: Route("openai", operation=operation) for path, operation in PATHS.items()},
}


def match(path: str) -> Route | None:
    """Return the route of *path*, which is percent-decoded; None if there is none."""
    if path.endswith("/") and len(path) > 1:
        # Clients build urls from a base with and without a slash at its end.
        path = path.rstrip("/") or "/"
    fixed = _FIXED_ROUTES.get(path)
    if fixed is not None:
        return fixed
    if path.startswith("/v2/models/"):
        return _v2(path[11:].split("/"))
    if path.startswith("/v1/models/"):
        return _v1(path[11:])
    if path.startswith("/v2/"):
        return _rest_of_v2(path[4:].split("/"))
    if path.startswith("/openai/v1/models/") and "/" not in path[18:]:
        return Route("openai_model", path[18:])
    return None


def _v1(rest: str) -> Route | None:
    model, colon, verb = rest.rpartition(":")
    if not colon:
        return None if "/" in rest or not rest else Route("model_v1", rest)
    kind = _V1_VERBS.get(verb)
    return None if kind is None or "/" in model or not model else Route(kind, model)


def _v2(parts: list[str]) -> Route | None:
    model, *rest = parts
    if rest == ["trace", "setting"] and model:
        return Route("trace", model)
    version: str | None = None
    if rest[:1] == ["versions"] and len(rest) > 1:
        version = rest[1]
        rest = rest[2:]
    if not model or len(rest) > 1 or version == "":
        return None
    kind = _V2_VERBS.get(rest[0] if rest else "")
    return None if kind is None else Route(kind, model, version)


def _rest_of_v2(parts: Sequence[str]) -> Route | None:
    match parts:
        case ["repository", "models", model, verb] if model:
            kind = _REPOSITORY_VERBS.get(verb)
            return None if kind is None else Route(kind, model)
        case [("systemsharedmemory" | "cudasharedmemory") as memory, *rest]:
            return _memory("system" if memory[0] == "s" else "cuda", rest)
    return None


def _memory(memory: Memory, parts: Sequence[str]) -> Route | None:
    match parts:
        case ["region", region, verb] if region and verb in _MEMORY_VERBS:
            return Route(_MEMORY_VERBS[verb], region=region, memory=memory)
        case ["status" | "unregister" as verb]:
            return Route(_MEMORY_VERBS[verb], memory=memory)
    return None
