"""Replicas, scaling metrics, logger and batcher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.api._names import (
    AUTOSCALER_CLASS,
    AUTOSCALER_METRIC,
    DEPLOYMENT_MODE,
    TARGET_UTILIZATION,
)
from inferry.api._problems import Finding
from inferry.api._quantities import amount
from inferry.api._rules._parts import components

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.api._problems import Path
    from inferry.api._types import ComponentSpec, InferenceService, LoggerSpec

_MIB = 1024 * 1024
_PERCENT = 100
_HPA_METRICS = ("cpu", "memory")
_KNATIVE_METRICS = ("concurrency", "rps")
_KNATIVE_CLASS = "autoscaling.knative.dev/class"
# The least that each number may be, and what the number is.
_LEAST = {
    "min_replicas": ("minReplicas", 0),
    "max_replicas": ("maxReplicas", 0),
    "container_concurrency": ("containerConcurrency", 0),
    "timeout": ("timeout", 1),
    "scale_target": ("scaleTarget", 1),
}


def bounds(service: InferenceService) -> Iterator[Finding]:
    """No count is negative, and the least replicas are no more than the most."""
    for path, component in components(service):
        for field, (name, least) in _LEAST.items():
            value = getattr(component, field)
            if value is not None and value < least:
                yield Finding((*path, name), f"is {value}; it must be at least {least}")
        low, high = component.min_replicas, component.max_replicas
        if low is not None and high and low > high > 0:
            message = f"is {low}, more than maxReplicas, {high}"
            yield Finding((*path, "minReplicas"), message)


def targets(service: InferenceService) -> Iterator[Finding]:
    """A target is possible for its metric."""
    for path, component in components(service):
        target, metric = component.scale_target, component.scale_metric
        if metric == "cpu" and target is not None and target > _PERCENT:
            message = f"is {target}; a cpu target is a percentage, from 1 to 100"
            yield Finding((*path, "scaleTarget"), message)
        if metric is not None and component.auto_scaling is not None:
            message = "has no effect beside autoScaling; keep one of the two"
            yield Finding((*path, "scaleMetric"), message, severity="warning")


def mode_metrics(service: InferenceService) -> Iterator[Finding]:
    """The mode and the autoscaler that annotations ask for know the metric."""
    annotations = service.metadata.annotations
    mode = annotations.get(DEPLOYMENT_MODE)
    scaler = annotations.get(AUTOSCALER_CLASS)
    by_hpa = "hpa" in annotations.get(_KNATIVE_CLASS, "")
    known = _HPA_METRICS if by_hpa else _KNATIVE_METRICS
    for path, component in components(service):
        metric = component.scale_metric
        if scaler == "keda" and metric is not None:
            message = "is not read by keda; write the metric in autoScaling.metrics"
            yield Finding((*path, "scaleMetric"), message)
        elif mode == "Standard" and scaler in (None, "hpa"):
            message = f"is {metric!r}; in mode Standard it is cpu or memory"
            if metric is not None and metric not in _HPA_METRICS:
                yield Finding((*path, "scaleMetric"), message)
        elif mode is None and scaler == "hpa" and metric in _KNATIVE_METRICS:
            message = f"is {metric!r}, which an HPA does not know; it goes by cpu"
            yield Finding((*path, "scaleMetric"), message, severity="warning")
        elif mode == "Knative" and metric not in (None, *known):
            message = f"is {metric!r}; in mode Knative it is {' or '.join(known)}"
            yield Finding((*path, "scaleMetric"), message)


def older(service: InferenceService) -> Iterator[Finding]:
    """KServe's annotations of an HPA, from before its fields, can be."""
    annotations = service.metadata.annotations
    share = annotations.get(TARGET_UTILIZATION)
    if share is not None and not (share.isdecimal() and 1 <= int(share) <= _PERCENT):
        message = f"is {share!r}; it is a percentage, from 1 to 100"
        yield Finding(("metadata", "annotations", TARGET_UTILIZATION), message)
    metric = annotations.get(AUTOSCALER_METRIC)
    if annotations.get(AUTOSCALER_CLASS) == "hpa" and metric not in (
        None,
        *_HPA_METRICS,
    ):
        message = f"is {metric!r}; for an HPA it is cpu or memory"
        yield Finding(("metadata", "annotations", AUTOSCALER_METRIC), message)


def strategies(service: InferenceService) -> Iterator[Finding]:
    """Knative rolls out in its own way."""
    if service.metadata.annotations.get(DEPLOYMENT_MODE) != "Knative":
        return
    for path, component in components(service):
        if component.deployment_strategy is not None:
            message = "has no meaning in mode Knative; leave it out or use Standard"
            yield Finding((*path, "deploymentStrategy"), message)


def metrics(service: InferenceService) -> Iterator[Finding]:
    """Each metric of autoScaling is whole, and known to the autoscaler."""
    scaler = service.metadata.annotations.get(AUTOSCALER_CLASS)
    for path, component in components(service):
        scaling = component.auto_scaling
        for index, metric in enumerate(scaling.metrics if scaling else ()):
            where: Path = (*path, "autoScaling", "metrics", index)
            yield from _metric(where, metric, scaler)


def loggers(service: InferenceService) -> Iterator[Finding]:
    """A logger that stores objects says where; one that batches, how many."""
    for path, component in components(service):
        if component.logger:
            yield from _logger((*path, "logger"), component.logger)


def batchers(service: InferenceService) -> Iterator[Finding]:
    """A batch holds at least one request, and waits for a positive time."""
    for path, component in components(service):
        yield from _batcher((*path, "batcher"), component)


RULES = (
    bounds,
    targets,
    mode_metrics,
    older,
    strategies,
    metrics,
    loggers,
    batchers,
)

_BLOCKS = {"Resource": "resource", "External": "external", "PodMetric": "podmetric"}


def _metric(
    path: Path, metric: dict[str, Any], scaler: str | None
) -> Iterator[Finding]:
    kind = metric.get("type", "")
    block = _BLOCKS.get(kind)
    if block is None:
        message = f"is {kind!r}, which is none of {', '.join(_BLOCKS)}"
        yield Finding((*path, "type"), message)
        return
    if scaler in ("hpa", "external", "none") and kind != "Resource":
        message = f"is {kind!r}, which only the autoscaler keda reads"
        yield Finding((*path, "type"), message)
    if block not in metric:
        yield Finding((*path, block), f"is required for a metric of type {kind}")
    elif kind == "Resource":
        yield from _resource((*path, block), metric[block])
    else:
        yield from _query((*path, block), metric[block], kind)


def _resource(path: Path, resource: dict[str, Any]) -> Iterator[Finding]:
    name, target = resource.get("name"), resource.get("target") or {}
    where: Path = (*path, "target")
    if name not in _HPA_METRICS:
        yield Finding((*path, "name"), f"is {name!r}; it must be cpu or memory")
        return
    share = target.get("averageUtilization")
    allowed = ("Utilization",) if name == "cpu" else ("Utilization", "AverageValue")
    if target.get("type") not in allowed:
        message = f"must be {' or '.join(allowed)} for {name}"
        yield Finding((*where, "type"), message)
    elif target["type"] == "AverageValue":
        size = amount(target.get("averageValue", 0))
        if size is not None and size < _MIB:
            message = "must be at least 1Mi for memory"
            yield Finding((*where, "averageValue"), message)
    elif share is not None and not 1 <= share <= _PERCENT:
        message = f"is {share}; it is a percentage, from 1 to 100"
        yield Finding((*where, "averageUtilization"), message)


def _query(path: Path, block: dict[str, Any], kind: str) -> Iterator[Finding]:
    source, target = block.get("metric") or {}, block.get("target") or {}
    needs_query = kind == "External" or not source.get("metricNames")
    if needs_query and not source.get("query"):
        yield Finding(
            (*path, "metric", "query"), "is required: what to ask the backend"
        )
    kind_of_target = target.get("type")
    value_field = {"Value": "value", "AverageValue": "averageValue"}.get(
        str(kind_of_target)
    )
    where: Path = (*path, "target")
    if value_field is None:
        yield Finding((*where, "type"), "must be Value or AverageValue for a query")
    elif value_field not in target:
        message = f"is required for a target of type {kind_of_target}"
        yield Finding((*where, value_field), message)


def _logger(path: Path, logger: LoggerSpec) -> Iterator[Finding]:
    storage = logger.storage
    if storage and not (storage.path and storage.parameters and storage.key):
        parts = {
            "path": storage.path,
            "parameters": storage.parameters,
            "key": storage.key,
        }
        lacking = " and ".join(name for name, value in parts.items() if not value)
        yield Finding((*path, "storage"), f"needs {lacking} too")
    if logger.batch_size is not None and logger.batch_size < 1:
        message = f"is {logger.batch_size}; it must be at least 1"
        yield Finding((*path, "batchSize"), message)


def _batcher(path: Path, component: ComponentSpec) -> Iterator[Finding]:
    batcher = component.batcher
    if batcher is None:
        return
    for name, value, least in (
        ("maxBatchSize", batcher.max_batch_size, 1),
        ("maxLatency", batcher.max_latency, 0),
        ("timeout", batcher.timeout, 1),
    ):
        if value is not None and value < least:
            yield Finding((*path, name), f"is {value}; it must be at least {least}")
