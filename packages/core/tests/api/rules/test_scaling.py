from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inferry.api import Loaded

MODEL = {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://b/m"}}
MODE = "serving.kserve.io/deploymentMode"
SCALER = "serving.kserve.io/autoscalerClass"


def load(service: Callable[..., Loaded], fields: Any, **annotations: Any) -> Any:
    names = {"mode": MODE, "scaler": SCALER}
    given = {names[key]: value for key, value in annotations.items()}
    return service({"predictor": MODEL | fields}, annotations=given)


@pytest.mark.parametrize(
    ("fields", "path", "words"),
    [
        ({"minReplicas": -1}, "minReplicas", "at least 0"),
        ({"maxReplicas": -1}, "maxReplicas", "at least 0"),
        ({"minReplicas": 99_999_999_999}, "minReplicas", "the limit is 2147483647"),
        ({"timeout": 2**40}, "timeout", "the limit is 2147483647"),
        ({"minReplicas": 3, "maxReplicas": 2}, "minReplicas", "more than maxReplicas"),
        ({"containerConcurrency": -1}, "containerConcurrency", "at least 0"),
        ({"timeout": 0}, "timeout", "at least 1"),
        ({"scaleTarget": 0}, "scaleTarget", "at least 1"),
        ({"scaleTarget": 101, "scaleMetric": "cpu"}, "scaleTarget", "percentage"),
        ({"batcher": {"maxBatchSize": 0}}, "batcher.maxBatchSize", "at least 1"),
        ({"batcher": {"maxLatency": -1}}, "batcher.maxLatency", "at least 0"),
        ({"batcher": {"timeout": 0}}, "batcher.timeout", "at least 1"),
        (
            {"logger": {"storage": {"path": "a"}}},
            "logger.storage",
            "parameters and key",
        ),
        ({"logger": {"batchSize": 0}}, "logger.batchSize", "at least 1"),
    ],
)
def test_a_number_out_of_bounds_is_told(
    service: Callable[..., Loaded], fields: Any, path: str, words: str
) -> None:
    (problem,) = load(service, fields).problems

    assert problem.path == f"spec.predictor.{path}"
    assert words in problem.message


@pytest.mark.parametrize(
    "fields",
    [
        {"minReplicas": 0, "maxReplicas": 0, "containerConcurrency": 0, "timeout": 60},
        {"minReplicas": 3, "maxReplicas": 0},
        {"minReplicas": 2, "maxReplicas": 2},
        {"scaleMetric": "memory", "scaleTarget": 500},
        {"scaleMetric": "rps", "scaleTarget": 1000},
        {"batcher": {"maxBatchSize": 32, "maxLatency": 0, "timeout": 60}},
        {"logger": {"url": "http://sink", "mode": "all", "batchSize": 10}},
        {"logger": {"storage": {"path": "a", "key": "k", "parameters": {"b": "c"}}}},
        {"deploymentStrategy": {"type": "Recreate"}},
    ],
)
def test_a_number_in_bounds_passes(service: Callable[..., Loaded], fields: Any) -> None:
    assert load(service, fields).problems == ()


@pytest.mark.parametrize(
    ("metric", "annotations", "wrong"),
    [
        ("concurrency", {"mode": "Standard"}, True),
        ("rps", {"mode": "Standard", "scaler": "hpa"}, True),
        ("cpu", {"mode": "Standard"}, False),
        ("cpu", {"mode": "Knative"}, True),
        ("rps", {"mode": "Knative"}, False),
        ("cpu", {"scaler": "keda"}, True),
        ("concurrency", {"mode": "Standard", "scaler": "external"}, False),
        ("concurrency", {}, False),
    ],
)
def test_a_metric_fits_mode_and_autoscaler(
    service: Callable[..., Loaded], metric: Any, annotations: Any, wrong: Any
) -> None:
    loaded = load(service, {"scaleMetric": metric}, **annotations)

    expected = ["spec.predictor.scaleMetric"] if wrong else []
    assert [each.path for each in loaded.problems] == expected


def test_an_hpa_under_knative_reads_cpu(service: Callable[..., Loaded]) -> None:
    annotations = {
        MODE: "Knative",
        "autoscaling.knative.dev/class": "hpa.autoscaling.knative.dev",
    }
    fields = {"scaleMetric": "cpu"}

    assert (
        service({"predictor": MODEL | fields}, annotations=annotations).problems == ()
    )


def test_knative_has_no_deployment_strategy(service: Callable[..., Loaded]) -> None:
    fields = {"deploymentStrategy": {"type": "Recreate"}}

    (problem,) = load(service, fields, mode="Knative").problems

    assert problem.path == "spec.predictor.deploymentStrategy"


def test_scale_metric_beside_auto_scaling_is_a_warning(
    service: Callable[..., Loaded],
) -> None:
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    fields = {
        "scaleMetric": "cpu",
        "autoScaling": {"metrics": [{"type": "Resource", "resource": cpu}]},
    }

    assert [each.severity for each in load(service, fields).problems] == ["warning"]


def resource(name: Any = "cpu", **target: Any) -> Any:
    return {"type": "Resource", "resource": {"name": name, "target": target}}


def external(query: Any = "up", **target: Any) -> Any:
    metric = {"backend": "prometheus", "serverAddress": "http://p", "query": query}
    return {"type": "External", "external": {"metric": metric, "target": target}}


@pytest.mark.parametrize(
    ("metric", "scaler", "path"),
    [
        ({"type": "Pods"}, "keda", "type"),
        ({"type": "Resource"}, "hpa", "resource"),
        (external(type="Value", value=1), "hpa", "type"),
        (resource("disk", type="Utilization"), "hpa", "resource.name"),
        (resource(type="AverageValue"), "keda", "resource.target.type"),
        (
            resource(type="Utilization", averageUtilization=101),
            "hpa",
            "resource.target.averageUtilization",
        ),
        (resource("memory", type="Value", value=1), "keda", "resource.target.type"),
        (
            resource("memory", type="AverageValue", averageValue="1k"),
            "keda",
            "resource.target.averageValue",
        ),
        (external("", type="Value", value=1), "keda", "external.metric.query"),
        (external(type="Value"), "keda", "external.target.value"),
        (external(type="Utilization"), "keda", "external.target.type"),
    ],
)
def test_a_wrong_metric_is_told(
    service: Callable[..., Loaded], metric: Any, scaler: Any, path: str
) -> None:
    fields = {"autoScaling": {"metrics": [metric]}}

    loaded = load(service, fields, scaler=scaler)

    assert [each.path for each in loaded.problems] == [
        f"spec.predictor.autoScaling.metrics[0].{path}"
    ]


@pytest.mark.parametrize(
    ("metric", "scaler"),
    [
        (resource(type="Utilization", averageUtilization=80), "hpa"),
        (resource("memory", type="AverageValue", averageValue="2Gi"), "keda"),
        (external(type="Value", value="100.5"), "keda"),
        (external(type="AverageValue", averageValue=3), "keda"),
        (
            {
                "type": "PodMetric",
                "podmetric": {
                    "metric": {
                        "backend": "opentelemetry",
                        "metricNames": ["m"],
                        "query": "m",
                    },
                    "target": {"type": "Value", "value": "4"},
                },
            },
            "keda",
        ),
    ],
)
def test_a_right_metric_passes(
    service: Callable[..., Loaded], metric: Any, scaler: Any
) -> None:
    fields = {"autoScaling": {"metrics": [metric]}}

    assert load(service, fields, scaler=scaler).problems == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("targetUtilizationPercentage", "0"),
        ("targetUtilizationPercentage", "200"),
        ("targetUtilizationPercentage", "most"),
        ("metric", "rps"),
    ],
)
def test_an_older_annotation_of_an_hpa_that_cannot_be_is_refused(
    service: Callable[..., Loaded], name: str, value: str
) -> None:
    key = f"serving.kserve.io/{name}"
    given = {SCALER: "hpa", key: value}

    (problem,) = service({"predictor": MODEL}, annotations=given).problems

    assert problem.path == f"metadata.annotations[{key}]"
    assert problem.severity == "error"


def test_older_annotations_of_an_hpa_pass(service: Callable[..., Loaded]) -> None:
    names = {"metric": "memory", "targetUtilizationPercentage": "80"}
    given = {f"serving.kserve.io/{key}": value for key, value in names.items()}

    loaded = service({"predictor": MODEL}, annotations={SCALER: "hpa", **given})

    assert loaded.problems == ()


def test_a_metric_that_an_hpa_does_not_know_is_told(
    service: Callable[..., Loaded],
) -> None:
    (problem,) = load(service, {"scaleMetric": "rps"}, scaler="hpa").problems

    assert "it goes by cpu" in problem.message
    assert problem.severity == "warning"
