"""Services: the name of each component within the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.names import APP_LABEL, app_label, component_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inferry_controller.rendering.parts import Part, Scene
    from inferry_controller.rendering.rendered import KubernetesObject

HTTP_PORT = 80
DEFAULT_TARGET = 8080
H2C = "kubernetes.io/h2c"
#: On a second Service for the same pods; whoever scrapes Services leaves it out.
ALIAS_LABEL = "inferry.dev/alias"
#: Of the containers of a pod, the first of these that has ports is who answers.
_FACING = ("transformer-container", "kserve-container")


def services(scene: Scene) -> Iterator[KubernetesObject]:
    """Yield a Service for each part, and KServe's name where a slot has another.

    Routes lead to the Service of a slot, whose selector never changes; KServe's name
    follows the main placement, for callers within the cluster.
    """
    for part in scene.live:
        yield _service(scene, part, part.name)
    for part in scene.main:
        published = component_name(scene.plan.name, part.kind)
        if published != part.name:
            alias = _service(scene, part, published)
            alias["metadata"]["labels"][ALIAS_LABEL] = "true"
            yield alias


def service_ports(pod: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the ports of the Service *name* of pods like *pod*.

    Port 80 leads to the first port of the container that answers, or 8080; the others
    keep their numbers, as KServe has it.
    """
    declared = _declared(pod) or [{"containerPort": DEFAULT_TARGET}]
    first, *others = declared
    ports = [_port(first, HTTP_PORT, name)]
    for each in others:
        number = int(each["containerPort"])
        if number != HTTP_PORT:
            ports.append(_port(each, number, f"port-{number}"))
    return ports


def grpc_port(ports: Sequence[dict[str, Any]]) -> int | None:
    """Return the port of a Service for gRPC beside HTTP, None where there is none."""
    return next((int(each["port"]) for each in ports[1:] if is_grpc(each)), None)


def is_grpc(port: dict[str, Any]) -> bool:
    """Say whether *port* of a Service speaks HTTP/2 without TLS."""
    return port.get("appProtocol") == H2C


def _service(scene: Scene, part: Part, name: str) -> KubernetesObject:
    spec: dict[str, Any] = {
        "ports": [dict(each) for each in part.ports],
        "selector": {APP_LABEL: app_label(part.name)},
        "type": "ClusterIP",
    }
    if scene.options.headless:
        spec["clusterIP"] = "None"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": scene.metadata(name, part),
        "spec": spec,
    }


def _declared(pod: dict[str, Any]) -> list[dict[str, Any]]:
    containers = {each["name"]: each for each in pod["spec"]["containers"]}
    for name in (*_FACING, next(iter(containers), "")):
        ports = containers.get(name, {}).get("ports")
        if ports:
            return list(ports)
    return []


def _port(declared: dict[str, Any], number: int, unnamed: str) -> dict[str, Any]:
    name = str(declared.get("name") or unnamed)
    port = {
        "name": name,
        "port": number,
        "targetPort": declared["containerPort"],
        "protocol": declared.get("protocol", "TCP"),
    }
    if "grpc" in name or "h2c" in name:
        port["appProtocol"] = H2C
    return port
