"""Istio's way to a service in Knative mode: a VirtualService and a name for it.

Every request goes through Knative's local gateway, with the host of the component that
should answer: so Knative's own routing, its activator included, sees all of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from inferry.status import Reason
from inferry_controller.rendering.kinds import VIRTUAL_SERVICE, is_served, not_served
from inferry_controller.rendering.routes import (
    EXPLAIN_PATTERN,
    explain_path,
    shared_path,
)
from inferry_controller.rendering.urls import CLUSTER_DOMAIN, hosts, is_cluster_local

if TYPE_CHECKING:
    from inferry_controller.rendering.parts import Part, Scene
    from inferry_controller.rendering.rendered import KubernetesObject, Problem

_MESH = "mesh"
_PORT = 80


def has_virtual_service(scene: Scene) -> bool:
    """Say whether Istio leads to the service."""
    asked = scene.options.virtual_service and scene.options.ingress != "none"
    return asked and is_served(VIRTUAL_SERVICE, scene.around)


def istio_objects(scene: Scene, parts: tuple[Part, ...]) -> list[KubernetesObject]:
    """Return the Service with the name of the service, and the VirtualService."""
    if not has_virtual_service(scene):
        return []
    name = scene.metadata(scene.plan.name)
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": name,
            "spec": {
                "type": "ExternalName",
                "externalName": scene.options.istio_local_service,
                "sessionAffinity": "None",
            },
        },
        {
            "apiVersion": "networking.istio.io/v1beta1",
            "kind": "VirtualService",
            "metadata": scene.metadata(scene.plan.name),
            "spec": _Routing(scene, parts).spec(),
        },
    ]


def istio_problems(scene: Scene) -> list[Problem]:
    """Return that there is no Istio, where one is asked for."""
    if not scene.options.virtual_service or has_virtual_service(scene):
        return []
    if scene.options.ingress == "none":
        return []
    remedy = "install Istio, or set kubernetes.virtual_service = false"
    path = "[kubernetes] virtual_service"
    return [not_served(VIRTUAL_SERVICE, path, remedy, Reason.IngressNotSupported)]


class _Routing:
    def __init__(self, scene: Scene, parts: tuple[Part, ...]) -> None:
        self._scene = scene
        self._parts = {each.kind: each for each in parts}
        plan = scene.plan
        self._inside = f"{plan.name}.{plan.namespace}.{CLUSTER_DOMAIN}"
        local = is_cluster_local(plan, scene.options)
        self._outside = [] if local else hosts(scene)

    def spec(self) -> dict[str, Any]:
        options = self._scene.options
        names = [self._inside, *self._outside]
        gateways = [options.istio_local_gateway, _MESH]
        if self._outside:
            gateways.append(options.istio_gateway)
        routes = self._routes()
        if self._outside and options.path_template:
            names.append(options.domain)
            routes.append(self._below_path())
        return {"hosts": names, "gateways": gateways, "http": routes}

    def _routes(self) -> list[dict[str, Any]]:
        front = "transformer" if "transformer" in self._parts else "predictor"
        routes = [{"match": self._matches(), "route": [self._to(front)]}]
        if "explainer" in self._parts:
            uri = {"regex": EXPLAIN_PATTERN}
            if path := explain_path(self._scene):
                uri = {"exact": path}
            matches = [{**each, "uri": uri} for each in self._matches()]
            routes.insert(0, {"match": matches, "route": [self._to("explainer")]})
        return routes

    def _matches(self) -> list[dict[str, Any]]:
        options = self._scene.options
        inside = {
            "authority": _authority(self._inside, short=True),
            "gateways": [options.istio_local_gateway, _MESH],
        }
        outside = [
            {"authority": _authority(host), "gateways": [options.istio_gateway]}
            for host in self._outside
        ]
        return [inside, *outside]

    def _below_path(self) -> dict[str, Any]:
        scene = self._scene
        front = "transformer" if "transformer" in self._parts else "predictor"
        match = {
            "uri": {"prefix": f"{shared_path(scene)}/"},
            "authority": _authority(scene.options.domain),
            "gateways": [scene.options.istio_gateway],
        }
        return {
            "match": [match],
            "rewrite": {"uri": "/"},
            "route": [self._to(front)],
        }

    def _to(self, component: str) -> dict[str, Any]:
        plan, options = self._scene.plan, self._scene.options
        host = f"{plan.name}-{component}.{plan.namespace}.{CLUSTER_DOMAIN}"
        names = {
            "Host": host,
            "KServe-Isvc-Name": plan.name,
            "KServe-Isvc-Namespace": plan.namespace,
        }
        return {
            "destination": {
                "host": options.istio_local_service,
                "port": {"number": _PORT},
            },
            "headers": {"request": {"set": names}},
            "weight": 100,
        }


def _authority(host: str, *, short: bool = False) -> dict[str, str]:
    """Return the match of *host* with any port; *short* without the cluster's domain.

    Within a cluster callers leave the end out, as far as a search path adds it.
    """
    if not short:
        return {"regex": rf"^{re.escape(host)}(?::\d{{1,5}})?$"}
    stem = host.removesuffix(".svc.cluster.local")
    rest = r"(\.svc(\.cluster\.local)?)?"
    return {"regex": rf"^{re.escape(stem)}{rest}(?::\d{{1,5}})?$"}
