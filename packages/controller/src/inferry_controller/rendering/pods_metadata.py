"""The annotations of a pod: those of its component, without what steers other things.

An annotation that scales, routes or stops a service changes no pod: on the template it
would restart all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCRAPING = "serving.kserve.io/enable-prometheus-scraping"
_PORT, _PATH = "prometheus.kserve.io/port", "prometheus.kserve.io/path"
_NOT_OF_PODS = frozenset(
    {
        "serving.kserve.io/autoscalerClass",
        "serving.kserve.io/deploymentMode",
        "serving.kserve.io/disable-auto-update",
        "serving.kserve.io/enable-tag-routing",
        "serving.kserve.io/metric",
        "serving.kserve.io/stop",
        "serving.kserve.io/targetUtilizationPercentage",
    }
)
_SCALING = ("autoscaling.knative.dev/", "autoscaling.keda.sh/")


def pod_annotations(given: Mapping[str, str]) -> dict[str, str]:
    """Return those of *given* that a pod gets, and Prometheus' where it scrapes."""
    kept = {
        key: value
        for key, value in given.items()
        if key not in _NOT_OF_PODS and not key.startswith(_SCALING)
    }
    if given.get(_SCRAPING, "").lower() == "true":
        kept.setdefault("prometheus.io/scrape", "true")
        kept.setdefault("prometheus.io/port", given.get(_PORT, "8080"))
        kept.setdefault("prometheus.io/path", given.get(_PATH, "/metrics"))
    return kept
