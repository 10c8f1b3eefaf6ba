"""Metrics under the names of controller-runtime, so that dashboards just work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import prometheus_client
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from inferry_controller.kube.queue import Queue

_WORK = tuple(10.0**power for power in range(-8, 4))
_RECONCILE = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5),
    *(0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0),
    *(6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0),
)


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        # Each counter would get a second series with the time of its birth.
        disable: Any = prometheus_client.disable_created_metrics
        disable()
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        by_queue, by_controller = ("name", "controller"), ("controller",)
        self.adds = Counter(
            "workqueue_adds_total",
            "Keys that were added.",
            by_queue,
            registry=registry,
        )
        self.retries = Counter(
            "workqueue_retries_total",
            "Keys that were added again because they failed.",
            by_queue,
            registry=registry,
        )
        self.waited = Histogram(
            "workqueue_queue_duration_seconds",
            "How long keys waited.",
            by_queue,
            buckets=_WORK,
            registry=registry,
        )
        self.worked = Histogram(
            "workqueue_work_duration_seconds",
            "How long keys were worked on.",
            by_queue,
            buckets=_WORK,
            registry=registry,
        )
        self.reconciled = Counter(
            "controller_runtime_reconcile_total",
            "Reconciles, by their result.",
            ("controller", "result"),
            registry=registry,
        )
        self.reconcile_time = Histogram(
            "controller_runtime_reconcile_time_seconds",
            "How long reconciles took.",
            by_controller,
            buckets=_RECONCILE,
            registry=registry,
        )
        self.failed = {
            name: Counter(
                f"controller_runtime_{metric}_total",
                text,
                by_controller,
                registry=registry,
            )
            for name, metric, text in (
                ("error", "reconcile_errors", "Reconciles that failed."),
                ("terminal", "terminal_reconcile_errors", "Those not to be repeated."),
                ("panic", "reconcile_panics", "Those that failed by a defect."),
                ("timeout", "reconcile_timeouts", "Those that took too long."),
            )
        }
        self.active = Gauge(
            "controller_runtime_active_workers",
            "Workers that are busy.",
            by_controller,
            registry=registry,
        )
        self.workers = Gauge(
            "controller_runtime_max_concurrent_reconciles",
            "Workers there are.",
            by_controller,
            registry=registry,
        )
        self.requests = Counter(
            "rest_client_requests_total",
            "Calls of the API server, by status code, method and host.",
            ("code", "method", "host"),
            registry=registry,
        )
        self.leading = Gauge(
            "leader_election_master_status",
            "1 while this process holds the lease.",
            ("name",),
            registry=registry,
        )
        self.events_dropped = Counter(
            "inferry_events_dropped_total",
            "Events that were not recorded, because there were too many.",
            registry=registry,
        )
        self._queues = _Queues()
        registry.register(self._queues)
        self._calls: dict[tuple[str, str, str], Counter] = {}

    def exposition(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return prometheus_client.generate_latest(self.registry)

    def called(self, method: str, code: str, host: str) -> None:
        """Count one answer of an API server; for `Transport`."""
        found = self._calls.get((method, code, host))
        if found is None:
            found = self.requests.labels(code=code, method=method, host=host)
            self._calls[method, code, host] = found
        found.inc()

    def queue(self, name: str, queue: Queue[Hashable]) -> QueueMetrics:
        """Return the meter of *queue*, and show its depth from now on."""
        self._queues.queues[name] = queue
        return QueueMetrics(self, name)

    def work(self, name: str, count: int) -> WorkMetrics:
        """Return the meter of the *count* workers of a controller."""
        self.workers.labels(name).set(count)
        return WorkMetrics(self, name)


class QueueMetrics:
    """The metrics of one queue."""

    def __init__(self, metrics: Metrics, name: str) -> None:
        self.added = metrics.adds.labels(name, name).inc
        self.retried = metrics.retries.labels(name, name).inc
        self.taken = metrics.waited.labels(name, name).observe
        self.finished = metrics.worked.labels(name, name).observe


class WorkMetrics:
    """The metrics of the workers of one controller."""

    def __init__(self, metrics: Metrics, name: str) -> None:
        self.began = metrics.active.labels(name).inc
        self._free = metrics.active.labels(name).dec
        self._time = metrics.reconcile_time.labels(name).observe
        results = ("success", "requeue_after", "error")
        self._results = {
            result: metrics.reconciled.labels(name, result) for result in results
        }
        self._failed = {
            result: counter.labels(name) for result, counter in metrics.failed.items()
        }

    def ended(self, result: str, seconds: float) -> None:
        """Count a reconcile; every failure is an error, and some are more."""
        self._free()
        self._time(seconds)
        if result in self._failed:
            self._failed["error"].inc()
            if result != "error":
                self._failed[result].inc()
            result = "error"
        if result in self._results:
            self._results[result].inc()


class _Queues(Collector):
    """Reads the depth of queues when it is asked for, not at each addition."""

    def __init__(self) -> None:
        self.queues: dict[str, Queue[Hashable]] = {}

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield the gauges of all queues."""
        labels = ("name", "controller")
        depth = GaugeMetricFamily(
            "workqueue_depth", "Keys that are due.", labels=(*labels, "priority")
        )
        unfinished = GaugeMetricFamily(
            "workqueue_unfinished_work_seconds",
            "How long all keys at work have been so.",
            labels=labels,
        )
        longest = GaugeMetricFamily(
            "workqueue_longest_running_processor_seconds",
            "How long the oldest key at work has been so.",
            labels=labels,
        )
        for name, queue in self.queues.items():
            for priority, keys in (queue.depth() or {0: 0}).items():
                depth.add_metric((name, name, str(priority)), keys)
            working = queue.working()
            unfinished.add_metric((name, name), sum(working))
            longest.add_metric((name, name), max(working, default=0.0))
        return (depth, unfinished, longest)
