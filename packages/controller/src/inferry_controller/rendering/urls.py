"""Where a service and its components are reached, as KServe publishes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_controller.names import component_name
from inferry_controller.rendering.kinds import HTTP_ROUTE, is_served
from inferry_controller.rendering.services import HTTP_PORT, grpc_port, is_grpc

if TYPE_CHECKING:
    from inferry.planning import Component, ServingPlan
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.parts import Part, Scene

CLUSTER_DOMAIN = "svc.cluster.local"
#: Either label keeps a service inside the cluster.
VISIBILITY_LABELS = (
    "networking.kserve.io/visibility",
    "networking.knative.dev/visibility",
)
CLUSTER_LOCAL = "cluster-local"
_SECURE = 443


def is_cluster_local(plan: ServingPlan, options: RenderOptions) -> bool:
    """Say whether nothing outside the cluster may reach the service."""
    if options.domain == CLUSTER_DOMAIN:
        return True
    return any(plan.labels.get(key) == CLUSTER_LOCAL for key in VISIBILITY_LABELS)


def has_no_door(scene: Scene) -> bool:
    """Say whether no host name leads in: by wish, or for want of the Gateway API."""
    if is_cluster_local(scene.plan, scene.options):
        return True
    by_gateway = scene.options.ingress == "gateway"
    return by_gateway and not is_served(HTTP_ROUTE, scene.around)


def hosts(scene: Scene) -> list[str]:
    """Return the host names of the service, the published one first."""
    plan, options = scene.plan, scene.options
    stem = plan.host.removesuffix(f".{options.domain}")
    others = options.additional_domains if stem != plan.host else ()
    return list(dict.fromkeys([plan.host, *(f"{stem}.{each}" for each in others)]))


def front(scene: Scene) -> Part:
    """Return the main part that requests come to: the transformer, if there is one."""
    parts = {each.kind: each for each in scene.main}
    return parts.get("transformer") or parts["predictor"]


def address_host(plan: ServingPlan, component: Component) -> str:
    """Return the host name of *component*'s Service within the cluster."""
    service = component_name(plan.name, component)
    return f"{service}.{plan.namespace}.{CLUSTER_DOMAIN}"


def address(scene: Scene, part: Part) -> str:
    """Return the url of *part* within the cluster.

    A Service without an address of its own translates no ports: callers reach the pods.
    """
    port = f":{part.ports[0]['targetPort']}" if scene.options.headless else ""
    return f"http://{address_host(scene.plan, part.kind)}{port}"


def url(scene: Scene) -> str:
    """Return the url of the service: that for a client outside, if one gets in."""
    if has_no_door(scene):
        return address(scene, front(scene))
    return f"{scene.options.url_scheme}://{scene.plan.host}"


def component_urls(scene: Scene) -> dict[str, str]:
    """Return the url of each component that has a host name."""
    if has_no_door(scene):
        return {each.kind: address(scene, each) for each in scene.main}
    hosts_of, scheme = scene.plan.hosts, scene.options.url_scheme
    return {
        each.kind: f"{scheme}://{hosts_of[each.kind]}"
        for each in scene.main
        if each.kind in hosts_of
    }


def rest_urls(scene: Scene) -> dict[str, str]:
    """Return the urls of the components that speak HTTP."""
    urls = component_urls(scene)
    speaking = {each.kind for each in scene.main if not is_grpc(each.ports[0])}
    return {kind: found for kind, found in urls.items() if kind in speaking}


def grpc_urls(scene: Scene) -> dict[str, str]:
    """Return, of each component that speaks gRPC, ``grpc://host:port``.

    Outside the cluster that is the port of the Gateway.
    """
    found: dict[str, str] = {}
    for part in scene.main:
        alone = is_grpc(part.ports[0])
        port = HTTP_PORT if alone else grpc_port(part.ports)
        if port is None:
            continue
        if has_no_door(scene):
            found[part.kind] = f"grpc://{address_host(scene.plan, part.kind)}:{port}"
        elif host := scene.plan.hosts.get(part.kind):
            secure = scene.options.url_scheme == "https"
            scheme = "grpcs" if secure else "grpc"
            found[part.kind] = f"{scheme}://{host}:{_SECURE if secure else HTTP_PORT}"
    return found
