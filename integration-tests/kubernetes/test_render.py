"""`inferry render`: a real API server takes all of it, as kubectl applies it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from reader import Reader, blocks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bed.cluster import Cluster

_HEAD = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: iris
  %s
spec:
"""
_MODEL = 'model: {modelFormat: {name: onnx}, storageUri: "s3://bucket/iris"}'
_BEHAVIOR = """
      behavior:
        scaleUp:
          selectPolicy: Max
          policies: [{type: Pods, value: 2, periodSeconds: 30}]
        scaleDown: {stabilizationWindowSeconds: 40}
"""
_RESOURCES = """
    autoScaling:
      metrics:
      - type: Resource
        resource:
          name: memory
          target: {type: AverageValue, averageValue: 2Gi}
      - type: Resource
        resource:
          name: cpu
          target: {type: Utilization, averageUtilization: 50}
"""
_FRONTS = """
  transformer:
    timeout: 7
    containers: [{name: t, image: acme/transform, ports: [{containerPort: 9000}]}]
  explainer:
    minReplicas: 2
    containers: [{name: e, image: acme/explain}]
"""
_CANARIES = f"""
  canary:
  - trafficPercent: 10
    predictor: {{name: next, {_MODEL}}}
  - trafficPercent: 0
    predictor: {{name: dark, {_MODEL}}}
"""


def _service(predictor: str = _MODEL, rest: str = "", metadata: str = "") -> str:
    return f"{_HEAD % metadata}  predictor:\n    {predictor}\n{rest}"


#: A service -> its document, the settings, and the kinds beside what every one has.
CASES: dict[str, tuple[str, dict[str, str], set[str]]] = {
    "plain": (_service(), {}, {"HTTPRoute"}),
    "headless": (_service(), {"headless": "true"}, {"HTTPRoute"}),
    "scaled": (
        _service(f"{_MODEL}\n    maxReplicas: 4\n{_RESOURCES}{_BEHAVIOR}"),
        {},
        {"HTTPRoute", "HorizontalPodAutoscaler", "PodDisruptionBudget"},
    ),
    "fronts": (
        _service(rest=_FRONTS),
        {"path_template": "/serving/{namespace}/{name}", "network_policy": "true"},
        {"HTTPRoute", "NetworkPolicy", "PodDisruptionBudget"},
    ),
    "pattern": (
        _service("containers: [{name: c, image: acme/own}]", _FRONTS),
        {"additional_domains": '["a.org", "b.org"]'},
        {"HTTPRoute", "PodDisruptionBudget"},
    ),
    "canaries": (_service(rest=_CANARIES), {}, {"HTTPRoute"}),
    "ingress": (
        _service(rest=_FRONTS),
        {"ingress": "ingress", "ingress_class": "nginx"},
        {"Ingress", "PodDisruptionBudget"},
    ),
    "inside": (
        _service(metadata="labels: {networking.kserve.io/visibility: cluster-local}"),
        {},
        set(),
    ),
    "long-name": (
        _service().replace("name: iris", f"name: {'a-long-name-' * 3}end"),
        {},
        {"HTTPRoute"},
    ),
}


def _render(
    text: str, namespace: str, settings: dict[str, str], *more: str
) -> subprocess.CompletedProcess[str]:
    chosen = [f"--set=kubernetes.{key}={value}" for key, value in settings.items()]
    command = [sys.executable, "-m", "inferry", *chosen, "render", "-", *more]
    return subprocess.run(
        [*command, "-n", namespace],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("case", CASES)
def test_what_is_rendered_applies_with_kubectl_and_then_changes_nothing(
    case: str, namespace: str, kubectl: Callable[..., Any], cluster: Cluster
) -> None:
    """No field is unknown, no value is refused, and a second time is no change."""
    text, settings, kinds = CASES[case]
    rendered = _render(text, namespace, settings)
    assert rendered.returncode == 0, rendered.stderr
    first = kubectl("apply", "--validate=strict", "-f", "-", stdin=rendered.stdout)
    assert first.returncode == 0, first.stderr
    assert "Warning" not in first.stderr
    again = kubectl("apply", "--validate=strict", "-f", "-", stdin=rendered.stdout)
    # kubectl always replaces the selector of a budget, whatever it is.
    others = [e for e in again.stdout.splitlines() if "poddisruptionbudget" not in e]
    assert {line.rpartition(" ")[2] for line in others} == {"unchanged"}
    objects = json.loads(_render(text, namespace, settings, "-o", "json").stdout)
    assert {each["kind"] for each in objects["items"]} == {
        "Deployment",
        "Service",
        *kinds,
    }
    for each in objects["items"]:
        made = cluster.api.apply(each, namespace, manager="inferry-controller")
        same = cluster.api.apply(each, namespace, manager="inferry-controller")
        versions = [one["metadata"]["resourceVersion"] for one in (made, same)]
        assert versions[0] == versions[1]


def test_plain_service_is_three_objects(namespace: str) -> None:
    """Each is a call to the API server, of which a service has few."""
    text, settings, _ = CASES["plain"]
    rendered = _render(text, namespace, settings, "-o", "json")
    kinds = [each["kind"] for each in json.loads(rendered.stdout)["items"]]
    assert kinds == ["Service", "Deployment", "HTTPRoute"]


def test_commands_of_the_page_work_and_what_they_write_applies(
    tmp_path: Path, kubectl: Callable[..., Any], cluster: Cluster
) -> None:
    """As a reader of the page does it."""
    reader = Reader(tmp_path)
    for block in blocks("docs/how-to/render-for-kubernetes.md"):
        reader.follow(block)
    cluster.api.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "models"}}
    )
    applied = kubectl("apply", "-f", str(tmp_path / "objects.yaml"))
    assert applied.returncode == 0, applied.stderr
    assert "serving.knative.dev/v1" in (tmp_path / "knative.yaml").read_text()
