"""ServiceMonitors and PodMonitors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.rendering import Surroundings

if TYPE_CHECKING:
    from conftest import Bench
    from inferry_controller.rendering import Rendered

MODEL = "model: {modelFormat: {name: acme}, storageUri: 's3://b/m'}"


def _monitors(rendered: Rendered) -> list[tuple[str, dict[str, Any]]]:
    return [
        (each["kind"], each["spec"])
        for each in rendered.objects
        if each["kind"].endswith("Monitor")
    ]


def test_none_is_rendered_unless_asked_for(bench: Bench) -> None:
    """The Prometheus operator is not everywhere."""
    assert _monitors(bench.render()) == []


def test_service_monitor_scrapes_each_pod_once(bench: Bench) -> None:
    """A second name for the same pods is left out by its label."""
    ((kind, spec),) = _monitors(bench.render(monitor="service"))
    assert kind == "ServiceMonitor"
    assert spec["endpoints"] == [{"port": "http1", "path": "/metrics"}]
    assert spec["selector"]["matchExpressions"] == [
        {"key": "inferry.dev/alias", "operator": "DoesNotExist"}
    ]


def test_pod_monitor_goes_by_the_port_s_name_or_else_its_number(bench: Bench) -> None:
    """KServe's annotations say where metrics are."""
    metadata = """
    annotations:
      prometheus.kserve.io/port: "8082"
      prometheus.kserve.io/path: /stats
    """
    ((kind, spec),) = _monitors(
        bench.render(bench.service(MODEL, metadata=metadata), monitor="pod")
    )
    assert kind == "PodMonitor"
    assert spec["podMetricsEndpoints"] == [{"targetPort": 8082, "path": "/stats"}]
    ((_, spec),) = _monitors(bench.render(monitor="pod"))
    assert spec["podMetricsEndpoints"] == [{"port": "http1", "path": "/metrics"}]


def test_cluster_without_the_operator_is_told(bench: Bench) -> None:
    """The service runs all the same."""
    kinds = frozenset({"gateway.networking.k8s.io/HTTPRoute"})
    rendered = bench.render(monitor="pod", around=Surroundings(kinds=kinds))
    assert _monitors(rendered) == []
    (problem,) = rendered.problems
    assert problem.path == "[kubernetes] monitor"
