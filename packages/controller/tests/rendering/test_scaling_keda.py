"""ScaledObjects of KEDA."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.rendering import Surroundings

if TYPE_CHECKING:
    from conftest import Bench
    from inferry_controller.rendering import Rendered

MODEL = "model: {modelFormat: {name: acme}, storageUri: 's3://b/m'}"
KEDA = "annotations: {serving.kserve.io/autoscalerClass: keda}"
QUERY = """
minReplicas: 0
maxReplicas: 4
autoScaling:
  metrics:
  - type: External
    external:
      metric:
        backend: prometheus
        serverAddress: http://prometheus:9090
        query: sum(rate(requests[1m]))
        namespace: team
      target: {type: Value, value: "12.50"}
      authenticationRef:
        authModes: bearer
        authenticationRef: {name: token}
  behavior: {scaleDown: {stabilizationWindowSeconds: 5}}
"""


def _scaled(rendered: Rendered) -> dict[str, Any]:
    (found,) = (each for each in rendered.objects if each["kind"] == "ScaledObject")
    spec: dict[str, Any] = found["spec"]
    return spec


def test_query_becomes_a_trigger_and_may_scale_to_zero(bench: Bench) -> None:
    """Amounts stay as they are written; no class is needed to ask for a query."""
    rendered = bench.render(QUERY)
    assert _scaled(rendered) == {
        "scaleTargetRef": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": "iris-predictor",
        },
        "minReplicaCount": 0,
        "maxReplicaCount": 4,
        "triggers": [
            {
                "type": "prometheus",
                "metricType": "Value",
                "authenticationRef": {"name": "token"},
                "metadata": {
                    "serverAddress": "http://prometheus:9090",
                    "query": "sum(rate(requests[1m]))",
                    "threshold": "12.50",
                    "namespace": "team",
                    "authModes": "bearer",
                },
            }
        ],
        "advanced": {
            "horizontalPodAutoscalerConfig": {
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 5}}
            }
        },
    }
    assert rendered.problems == ()
    (deployment,) = (e for e in rendered.objects if e["kind"] == "Deployment")
    assert "replicas" not in deployment["spec"]


def test_cpu_and_memory_keep_one_replica(bench: Bench) -> None:
    """KEDA refuses to scale to zero by what only a running pod has."""
    text = bench.service(f"{MODEL}\nminReplicas: 0\nmaxReplicas: 3", metadata=KEDA)
    rendered = bench.render(text)
    spec = _scaled(rendered)
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, 3)
    assert spec["triggers"] == [
        {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "80"}}
    ]
    assert [each.path for each in rendered.problems] == ["spec.predictor.minReplicas"]


def test_graphite_is_told_how_far_to_look_back(bench: Bench) -> None:
    """It refuses a trigger without, and KServe has no word for it."""
    (trigger,) = _scaled(bench.render(QUERY.replace("prometheus\n", "graphite\n")))[
        "triggers"
    ]
    assert trigger["type"] == "graphite"
    assert trigger["metadata"]["queryTime"] == "-5Minutes"


def test_metric_of_pods_asks_for_this_deployment_alone(bench: Bench) -> None:
    """And nobody is told that a collector is there that is not."""
    text = """
    maxReplicas: 4
    autoScaling:
      metrics:
      - type: PodMetric
        podmetric:
          metric:
            backend: opentelemetry
            serverAddress: scaler:4318
            metricNames: [queue]
            query: queue
            operationOverTime: avg
          target: {type: Value, value: "4"}
    """
    rendered = bench.render(text)
    (trigger,) = _scaled(rendered)["triggers"]
    assert trigger == {
        "type": "external",
        "metricType": "Value",
        "metadata": {
            "scalerAddress": "scaler:4318",
            "metricQuery": 'sum(queue{namespace="team", deployment="iris-predictor"})',
            "targetValue": "4",
            "operationOverTime": "avg",
        },
    }
    (problem,) = rendered.problems
    assert problem.path == "spec.predictor.autoScaling.metrics[0]"


def test_cluster_without_keda_runs_a_fixed_number_and_says_so(bench: Bench) -> None:
    """What can be served is served."""
    around = Surroundings(kinds=frozenset({"gateway.networking.k8s.io/HTTPRoute"}))
    rendered = bench.render(QUERY, around=around)
    (deployment,) = (e for e in rendered.objects if e["kind"] == "Deployment")
    assert deployment["spec"]["replicas"] == 1
    (problem,) = rendered.problems
    assert problem.why == "the cluster does not serve ScaledObject (keda.sh)"
