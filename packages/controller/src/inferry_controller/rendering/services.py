"""Services: the name of each component within the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.names import APP_LABEL, app_label

if TYPE_CHECKING:
    from inferry_controller.rendering.rendered import KubernetesObject

HTTP_PORT = 80
DEFAULT_TARGET = 8080
H2C = "kubernetes.io/h2c"
_MAIN = "kserve-container"
#: Their ports are those of the Service, the first that is there.
_FACING = ("transformer-container", _MAIN)


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


def is_grpc(port: dict[str, Any]) -> bool:
    """Say whether *port* of a Service speaks HTTP/2 without TLS."""
    return port.get("appProtocol") == H2C


def service(
    metadata: dict[str, Any],
    ports: list[dict[str, Any]],
    deployment: str,
    *,
    headless: bool = False,
) -> KubernetesObject:
    """Return the Service with *metadata* of the pods of *deployment*."""
    spec: dict[str, Any] = {
        "ports": ports,
        "selector": {APP_LABEL: app_label(deployment)},
        "type": "ClusterIP",
    }
    if headless:
        spec["clusterIP"] = "None"
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


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
