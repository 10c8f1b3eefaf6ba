"""What to say of a path or method that is none: what was most likely meant."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from inferry.errors import ModelNotFound
from inferry_server.errors import MethodNotAllowed

if TYPE_CHECKING:
    from inferry_server.http.routes import Route

_SHOWN = 200
_VERB = re.compile(r"/(v[12])/models/([^/:]{1,200})(?:/versions/[^/]{1,20})?[/:](\w+)")
#: What each protocol has behind the name of a model, by what clients write instead.
_MEANT = {
    "v1": {"predict": ":predict", "infer": ":predict", "explain": ":explain"},
    "v2": {
        "infer": "/infer",
        "predict": "/infer",
        "generate": "/generate",
        "metadata": "",
        "ready": "/ready",
        "stats": "/stats",
        "config": "/config",
    },
}
_FIXED = {
    "health": "/v2/health/ready",
    "healthz": "/v2/health/live",
    "live": "/v2/health/live",
    "livez": "/v2/health/live",
    "models": "/v2/models",
    "ready": "/v2/health/ready",
    "readyz": "/v2/health/ready",
}
_WAYS = "models answer POST /v1/models/MODEL:predict and POST /v2/models/MODEL/infer"


def nothing_at(path: str) -> ModelNotFound:
    """Return the error for a *path* that no route has."""
    meant = _meant(path)
    hint = f"did you mean {meant[:_SHOWN]}?" if meant else _WAYS
    return ModelNotFound(f"there is nothing at {path[:_SHOWN]!r}; {hint}")


def not_allowed(method: str, path: str, route: Route) -> MethodNotAllowed:
    """Return the error for a *method* that the *route* of *path* does not answer."""
    hint = ""
    if method == "POST" and route.kind in {"model_v1", "model_v2"}:
        meant = _meant(path)
        hint = f"; did you mean {meant[:_SHOWN]}?" if meant else f"; {_WAYS}"
    return MethodNotAllowed(
        f"{method} is not allowed at {path[:_SHOWN]!r}; use {route.methods[0]}{hint}",
        allowed=route.methods,
    )


def _meant(path: str) -> str:
    """Return the path that was most likely meant, "" where nobody knows."""
    found = _VERB.fullmatch(path.rstrip("/"))
    if found is None:
        return _FIXED.get(path.strip("/").rpartition("/")[2].lower(), "")
    protocol, model, verb = found.groups()
    known = _MEANT[protocol]
    near = get_close_matches(verb.lower()[:40], known, n=1)
    return f"/{protocol}/models/{model}{known[near[0]]}" if near else ""
