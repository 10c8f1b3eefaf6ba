"""Annotations of pods."""

from __future__ import annotations

import pytest
from inferry_controller.rendering.pods_metadata import pod_annotations


def test_what_steers_scaling_or_traffic_is_not_on_pods() -> None:
    given = {
        "serving.kserve.io/autoscalerClass": "hpa",
        "serving.kserve.io/stop": "false",
        "autoscaling.knative.dev/target": "5",
        "sidecar.istio.io/inject": "true",
        "kubectl.kubernetes.io/restartedAt": "now",
    }
    assert pod_annotations(given) == {
        "sidecar.istio.io/inject": "true",
        "kubectl.kubernetes.io/restartedAt": "now",
    }


def test_prometheus_is_told_where_to_scrape_if_that_is_asked_for() -> None:
    given = {
        "serving.kserve.io/enable-prometheus-scraping": "true",
        "prometheus.kserve.io/port": "9000",
    }
    assert pod_annotations(given) == given | {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "9000",
        "prometheus.io/path": "/metrics",
    }


@pytest.mark.parametrize("value", ["false", ""])
def test_prometheus_is_told_nothing_otherwise(value: str) -> None:
    given = {"serving.kserve.io/enable-prometheus-scraping": value}
    assert pod_annotations(given) == given
