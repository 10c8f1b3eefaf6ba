"""ServiceMonitors and PodMonitors: where a Prometheus operator finds the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.names import COMPONENT_LABEL, REVISION_LABEL, SERVICE_LABEL
from inferry_controller.rendering.kinds import (
    POD_MONITOR,
    SERVICE_MONITOR,
    is_served,
    not_served,
)
from inferry_controller.rendering.services import ALIAS_LABEL, is_grpc

if TYPE_CHECKING:
    from inferry_controller.rendering.parts import Part, Scene
    from inferry_controller.rendering.rendered import KubernetesObject, Problem

_API_VERSION = "monitoring.coreos.com/v1"
_PORT = "prometheus.kserve.io/port"
_PATH = "prometheus.kserve.io/path"
#: Labels of pods that the samples carry, too.
_CARRIED = [SERVICE_LABEL, COMPONENT_LABEL, REVISION_LABEL]
_REMEDY = "install the Prometheus operator, or set kubernetes.monitor = none"


def monitors(scene: Scene) -> tuple[list[KubernetesObject], list[Problem]]:
    """Return the monitor of the service, as the setting ``monitor`` asks."""
    kind = {"service": SERVICE_MONITOR, "pod": POD_MONITOR}.get(scene.options.monitor)
    if kind is None:
        return [], []
    if not is_served(kind, scene.around):
        return [], [not_served(kind, "[kubernetes] monitor", _REMEDY)]
    made = _service_monitor if kind == SERVICE_MONITOR else _pod_monitor
    return [made(scene)], []


def _service_monitor(scene: Scene) -> KubernetesObject:
    alias = {"key": ALIAS_LABEL, "operator": "DoesNotExist"}
    spec = {
        "selector": {
            "matchLabels": {SERVICE_LABEL: scene.plan.name},
            "matchExpressions": [alias],
        },
        "podTargetLabels": _CARRIED,
        "endpoints": _endpoints(scene, by_service=True),
    }
    return _monitor(scene, "ServiceMonitor", spec)


def _pod_monitor(scene: Scene) -> KubernetesObject:
    spec = {
        "selector": {"matchLabels": {SERVICE_LABEL: scene.plan.name}},
        "podTargetLabels": _CARRIED,
        "podMetricsEndpoints": _endpoints(scene, by_service=False),
    }
    return _monitor(scene, "PodMonitor", spec)


def _monitor(scene: Scene, kind: str, spec: dict[str, Any]) -> KubernetesObject:
    return {
        "apiVersion": _API_VERSION,
        "kind": kind,
        "metadata": scene.metadata(scene.plan.name),
        "spec": spec,
    }


def _endpoints(scene: Scene, *, by_service: bool) -> list[dict[str, Any]]:
    """Return where metrics are, each place once, whichever component it is of."""
    found: list[dict[str, Any]] = []
    for part in scene.live:
        endpoint = _endpoint(part, by_service=by_service)
        if endpoint not in found:
            found.append(endpoint)
    return found


def _endpoint(part: Part, *, by_service: bool) -> dict[str, Any]:
    """Return the port of a Service or pod by its name, by its number if it has none."""
    annotations = part.component.annotations
    path = annotations.get(_PATH, "/metrics")
    given = annotations.get(_PORT, "")
    speaking = [each for each in part.ports if not is_grpc(each)] or part.ports
    number = int(given) if given.isdecimal() else speaking[0]["targetPort"]
    names = _service_names(part) if by_service else _container_names(part)
    if name := names.get(number):
        return {"port": name, "path": path}
    return {"targetPort": number, "path": path}


def _service_names(part: Part) -> dict[int, str]:
    return {each["targetPort"]: each["name"] for each in part.ports}


def _container_names(part: Part) -> dict[int, str]:
    return {
        port["containerPort"]: port["name"]
        for container in part.template["spec"]["containers"]
        for port in container.get("ports") or ()
        if port.get("name")
    }
