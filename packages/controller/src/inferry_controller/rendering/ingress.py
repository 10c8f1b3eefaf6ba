"""Ingresses: the older kind, which knows hosts and paths, but no shares.

An Ingress cannot weigh, rewrite, or limit the time of a request. A service that asks
for shares is refused; what else it asks for in vain is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.errors import PlanningError
from inferry.status import Reason
from inferry_controller.rendering.rendered import Problem
from inferry_controller.rendering.routes import explain_path
from inferry_controller.rendering.services import HTTP_PORT, is_grpc
from inferry_controller.rendering.shares import behind_front
from inferry_controller.rendering.urls import front, hosts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry_controller.rendering.parts import Part, Scene
    from inferry_controller.rendering.rendered import KubernetesObject

_ALL = 100
_REMEDY = "set kubernetes.ingress = gateway"


def ingress(scene: Scene) -> tuple[KubernetesObject, list[Problem]]:
    """Return the Ingress of *scene*, and what it cannot do.

    Raises:
        PlanningError: The service asks for more than one share of the requests.

    """
    _refuse_shares(scene)
    spec: dict[str, Any] = {"rules": list(_rules(scene))}
    if scene.options.ingress_class:
        spec["ingressClassName"] = scene.options.ingress_class
    made = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": scene.metadata(scene.plan.name),
        "spec": spec,
    }
    return made, list(_problems(scene))


def _rules(scene: Scene) -> Iterator[dict[str, Any]]:
    """Yield a rule per host: the service's explain first, each component its own."""
    parts = {each.kind: each for each in scene.main}
    leading = _leading(scene)
    paths = [_path("/", "Prefix", leading)]
    explainer, explain = parts.get("explainer"), explain_path(scene)
    if explainer is not None and explain:
        paths.insert(0, _path(explain, "Exact", explainer))
    seen = set()
    for host in hosts(scene):
        seen.add(host)
        yield {"host": host, "http": {"paths": paths}}
    for kind, part in parts.items():
        host = scene.plan.hosts.get(kind, "")
        if host and host not in seen:
            seen.add(host)
            yield {"host": host, "http": {"paths": [_path("/", "Prefix", part)]}}


def _leading(scene: Scene) -> Part:
    """Return the one part that gets the requests: the one with the most of them."""
    parts = [each for each in behind_front(scene) if each.placement.weight]
    chosen = max(parts, key=lambda each: each.placement.weight, default=None)
    return chosen or front(scene)


def _path(path: str, kind: str, part: Part) -> dict[str, Any]:
    return {
        "path": path,
        "pathType": kind,
        "backend": {"service": {"name": part.name, "port": {"number": HTTP_PORT}}},
    }


def _refuse_shares(scene: Scene) -> None:
    live = [each for each in scene.main if each.kind == "predictor"]
    others = {each.name for each in scene.live if each.kind == "predictor"}
    percent = scene.plan.canary_percent
    named = [each.percent for each in scene.plan.revisions if each.variant]
    asked = len(others) > len(live) and percent is not None and 0 < percent < _ALL
    if not asked and not any(named):
        return
    msg = "an Ingress sends all requests one way, and the service asks for shares"
    path = "spec.canary" if any(named) else "canaryTrafficPercent"
    raise PlanningError(
        msg,
        reason=Reason.NotSupportedByBackend,
        remedy=f"{_REMEDY}, or remove {path}",
    )


def _problems(scene: Scene) -> Iterator[Problem]:
    for part in scene.main:
        if part.component.timeout is not None:
            yield Problem(
                path=f"{part.path}.timeout",
                why="an Ingress has no timeout; its controller's own one applies",
                remedy=f"{_REMEDY}, or annotate the service for the controller",
            )
        if is_grpc(part.ports[0]):
            yield Problem(
                path=part.path,
                why="an Ingress does not say that its backend speaks gRPC",
                remedy=f"{_REMEDY}, or annotate the service for the controller",
            )
    if scene.options.path_template:
        yield Problem(
            path="[kubernetes] path_template",
            why="an Ingress rewrites no path",
            remedy=_REMEDY,
        )
    explaining = any(each.kind == "explainer" for each in scene.main)
    if explaining and not explain_path(scene):
        yield Problem(
            path="spec.explainer",
            why="an Ingress has no patterns, and nothing says how the model is called: "
            ":explain is reached at the host of the explainer alone",
            remedy="give the predictor's container the argument --model_name",
        )
