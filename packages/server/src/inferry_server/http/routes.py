"""Which path is what; the one table of the server's routes."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal[
    "alive",
    "docs",
    "explain_v1",
    "index",
    "infer",
    "live",
    "manage",
    "metrics",
    "models_v1",
    "models_v2",
    "model_v1",
    "model_v2",
    "model_ready",
    "predict_v1",
    "ready",
    "server",
]

_FIXED: dict[str, Kind] = {
    "/": "alive",
    "/docs": "docs",
    "/metrics": "metrics",
    "/openapi.json": "docs",
    "/v1/models": "models_v1",
    "/v2": "server",
    "/v2/health/live": "live",
    "/v2/health/ready": "ready",
    "/v2/models": "models_v2",
    "/v2/repository/index": "index",
}
_V1_VERBS: dict[str, Kind] = {"predict": "predict_v1", "explain": "explain_v1"}
_V2_VERBS: dict[str, Kind] = {"": "model_v2", "ready": "model_ready", "infer": "infer"}
_POST: frozenset[Kind] = frozenset(
    {"predict_v1", "explain_v1", "infer", "index", "manage"}
)


class Route(NamedTuple):
    """One path, taken apart."""

    kind: Kind
    model: str = ""
    version: str | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that the path answers to."""
        return ("POST",) if self.kind in _POST else ("GET", "HEAD")


def match(path: str) -> Route | None:
    """Return the route of *path*, which is percent-decoded; None if there is none."""
    if path.endswith("/") and len(path) > 1:
        # Clients build urls from a base with and without a slash at its end.
        path = path.rstrip("/") or "/"
    fixed = _FIXED.get(path)
    if fixed is not None:
        return Route(fixed)
    if path.startswith("/v2/models/"):
        return _v2(path[11:].split("/"))
    if path.startswith("/v1/models/"):
        return _v1(path[11:])
    if path.startswith("/v2/repository/models/"):
        return Route("manage") if path.endswith(("/load", "/unload")) else None
    return None


def _v1(rest: str) -> Route | None:
    model, colon, verb = rest.rpartition(":")
    if not colon:
        return None if "/" in rest or not rest else Route("model_v1", rest)
    kind = _V1_VERBS.get(verb)
    return None if kind is None or "/" in model or not model else Route(kind, model)


def _v2(parts: list[str]) -> Route | None:
    model, *rest = parts
    version: str | None = None
    if rest[:1] == ["versions"] and len(rest) > 1:
        version = rest[1]
        rest = rest[2:]
    if not model or len(rest) > 1 or version == "":
        return None
    kind = _V2_VERBS.get(rest[0] if rest else "")
    return None if kind is None else Route(kind, model, version)
