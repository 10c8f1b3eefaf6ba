"""The gateway's own pages: liveness, lists over all services, metrics."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from inferry_gateway._answers import TEXT, Answer, Refusal, json_answer
from inferry_gateway._metrics import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferry_gateway._balancing import Balancer
    from inferry_gateway._gateway import Gateway


def page(gateway: Gateway, method: bytes, path: str) -> Answer | None:
    """Return the page at ``path``, or None where there is none.

    Raises:
        Refusal: 405, the page is there but not for this method.
    """
    if path == "/v2/repository/index":
        if method != b"POST":
            raise _not_allowed(path, "POST")
        return json_answer(index(gateway))
    build = _PAGES.get(path.rstrip("/") or "/")
    if build is None:
        return None
    if method not in {b"GET", b"HEAD"}:
        raise _not_allowed(path, "GET")
    return build(gateway)


def ready(gateway: Gateway) -> bool:
    """Whether every declared service can be asked, as V2 has it.

    Whether this process routes is what /healthz says; a load balancer in front of the
    gateway asks that one, or one broken service would take all others off the network.
    """
    broken = any(not balancer.ready for balancer in gateway.balancers)
    return gateway.declared and not gateway.draining and not broken


def index(gateway: Gateway) -> list[dict[str, str]]:
    """Return the rows of the repository index, one per model."""
    return [
        {
            "name": model,
            "state": "READY" if balancer.ready else "UNAVAILABLE",
            "reason": "" if balancer.ready else balancer.service.unavailable,
        }
        for balancer in sorted(gateway.balancers, key=lambda b: b.service.key)
        for model in balancer.service.models
    ]


#: What every service behind the gateway speaks of V2, for clients that look first.
EXTENSIONS = (
    "binary_tensor_data",
    "classification",
    "generate",
    "model_configuration",
    "parameters",
    "statistics",
)


def _not_allowed(path: str, method: str) -> Refusal:
    return Refusal(405, f"{path} answers {method} only", allow=method)


def _alive(_gateway: Gateway) -> Answer:
    return json_answer({"status": "alive"})


def _healthy(gateway: Gateway) -> Answer:
    status = "draining" if gateway.draining else "ok"
    return json_answer({"status": status}, status=503 if gateway.draining else 200)


def _live(_gateway: Gateway) -> Answer:
    return json_answer({"live": True})


def _ready(gateway: Gateway) -> Answer:
    waiting = [b.service.key for b in gateway.balancers if not b.ready]
    fine = ready(gateway)
    body = {"ready": fine} | ({"waiting": waiting} if waiting else {})
    return json_answer(body, status=200 if fine else 503)


def _models_v1(gateway: Gateway) -> Answer:
    # The path is V1's and OpenAI's; each reads what it knows.
    return json_answer({"models": list(gateway.models), **_listed(gateway)})


def _models_v2(gateway: Gateway) -> Answer:
    return json_answer({"models": list(gateway.models)})


def _models_openai(gateway: Gateway) -> Answer:
    return json_answer(_listed(gateway))


def _listed(gateway: Gateway) -> dict[str, object]:
    """Return all models as OpenAI lists them, in the words of a model server."""
    data = [
        {"id": model, "object": "model", "created": 0, "owned_by": "inferry"}
        for model in gateway.models
    ]
    return {"object": "list", "data": data}


def _server(_gateway: Gateway) -> Answer:
    own = version("inferry-gateway")
    name = {"name": "inferry-gateway", "version": own, "extensions": EXTENSIONS}
    return json_answer(name)


def _metrics(gateway: Gateway) -> Answer:
    body = render(gateway.balancers, gateway.unrouted, gateway.connections)
    return Answer(status=200, body=body, content_type=TEXT)


def _services(gateway: Gateway) -> Answer:
    balancers = sorted(gateway.balancers, key=lambda b: b.service.key)
    return json_answer({"services": [_described(b) for b in balancers]})


def _described(balancer: Balancer) -> dict[str, object]:
    service = balancer.service
    return {
        "namespace": service.namespace,
        "name": service.name,
        "path": service.prefix,
        "hosts": list(service.hosts),
        "models": list(service.models),
        "ready": balancer.ready,
        "traffic": {r.name: r.weight for r in balancer.revisions.values()},
    }


_PAGES: dict[str, Callable[[Gateway], Answer]] = {
    "/": _alive,
    "/healthz": _healthy,
    "/metrics": _metrics,
    "/openai/v1/models": _models_openai,
    "/serving": _services,
    "/v1/models": _models_v1,
    "/v2": _server,
    "/v2/health/live": _live,
    "/v2/health/ready": _ready,
    "/v2/models": _models_v2,
}
