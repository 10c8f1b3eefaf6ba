"""Where a service in Knative mode is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from inferry_controller.rendering.knative_istio import has_virtual_service
from inferry_controller.rendering.routes import shared_path
from inferry_controller.rendering.urls import CLUSTER_DOMAIN, is_cluster_local

if TYPE_CHECKING:
    from inferry_controller.rendering.parts import Part, Scene


class Urls(TypedDict):
    """The urls of `Rendered`."""

    url: str
    address: str
    component_urls: dict[str, str]
    rest_urls: dict[str, str]
    grpc_urls: dict[str, str]


def knative_urls(scene: Scene, parts: tuple[Part, ...]) -> Urls:
    """Return the urls of a service whose components are *parts*.

    A Knative Service answers at Knative's default host name, ``name.namespace.domain``;
    the service itself at KServe's, where Istio leads from there to its front.
    """
    plan, options = scene.plan, scene.options
    front = next((p for p in parts if p.kind == "transformer"), parts[0])
    local = is_cluster_local(plan, options)
    domain = CLUSTER_DOMAIN if local else options.domain
    scheme = "http" if local else options.url_scheme
    of_parts = {
        part.kind: f"{scheme}://{plan.name}-{part.kind}.{plan.namespace}.{domain}"
        for part in parts
    }
    inside = f"{plan.namespace}.{CLUSTER_DOMAIN}"
    routed = has_virtual_service(scene)
    name = plan.name if routed else f"{plan.name}-{front.kind}"
    address = f"http://{name}.{inside}"
    by_grpc = {
        part.kind: of_parts[part.kind].replace("http", "grpc", 1)
        for part in parts
        if part.component.protocol.startswith("grpc")
    }
    return Urls(
        url=_url(scene, address) if routed else of_parts[front.kind],
        address=address,
        component_urls={str(kind): url for kind, url in of_parts.items()},
        rest_urls={str(k): url for k, url in of_parts.items() if k not in by_grpc},
        grpc_urls={
            str(k): f"{url}:{443 if url.startswith('grpcs') else 80}"
            for k, url in by_grpc.items()
        },
    )


def _url(scene: Scene, address: str) -> str:
    plan, options = scene.plan, scene.options
    if is_cluster_local(plan, options):
        return address
    if options.path_template:
        return f"{options.url_scheme}://{options.domain}{shared_path(scene)}"
    return f"{options.url_scheme}://{plan.host}"
