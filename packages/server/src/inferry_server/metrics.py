"""The numbers of one server, in a registry of its own.

| name | kind | labels | what |
|---|---|---|---|
| ``inferry_requests_total`` | counter | model, protocol, code | answered requests |
| ``inferry_request_duration_seconds`` | histogram | model, protocol | head to answer |
| ``inferry_requests_running`` | gauge | model | calls of the model now |
| ``inferry_requests_waiting`` | gauge | model | calls that wait for their turn |
| ``inferry_queue_duration_seconds`` | histogram | model | wait of calls that had to |
| ``inferry_model_load_duration_seconds`` | gauge | model | last load and warm-up |
| ``inferry_model_state`` | gauge | model, phase | 1 for the phase it is in |

A request for a model that is not there counts under an empty ``model``: what clients
invent must not become labels.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from inferry_server.states import PHASES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.metrics_core import Metric

    from inferry_server.models import Models

_SECONDS = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
)


class Metrics:
    """Counts what the server does; `render` is the body of ``/metrics``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._requests = Counter(
            "inferry_requests",
            "Answered requests.",
            ("model", "protocol", "code"),
            registry=self.registry,
        )
        self._duration = Histogram(
            "inferry_request_duration_seconds",
            "Time from a request's head to its answer.",
            ("model", "protocol"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._queue = Histogram(
            "inferry_queue_duration_seconds",
            "Time that calls waited for their turn.",
            ("model",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._load = Gauge(
            "inferry_model_load_duration_seconds",
            "Time of the last load, with its warm-up.",
            ("model",),
            registry=self.registry,
        )

    def watch(self, models: Models) -> None:
        """Report the gauges of *models*, read when they are asked for."""
        self.registry.register(_Gauges(models))

    def request(self, model: str, protocol: str, code: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests.labels(model, protocol, str(code)).inc()
        self._duration.labels(model, protocol).observe(seconds)

    def waited(self, model: str, seconds: float) -> None:
        """Record how long a call of *model* waited for its turn."""
        self._queue.labels(model).observe(seconds)

    def loaded(self, model: str, seconds: float) -> None:
        """Record how long *model* took to load."""
        self._load.labels(model).set(seconds)

    def forget(self, model: str) -> None:
        """Drop the series of a *model* that is gone, all but its counts."""
        for metric in (self._queue, self._load):
            with suppress(KeyError):
                metric.remove(model)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return all numbers and their content type, which *accept* chooses."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


class _Gauges(Collector):
    def __init__(self, models: Models) -> None:
        self._models = models

    def collect(self) -> Iterable[Metric]:
        running = GaugeMetricFamily(
            "inferry_requests_running", "Calls of the model now.", labels=["model"]
        )
        waiting = GaugeMetricFamily(
            "inferry_requests_waiting",
            "Calls that wait for their turn.",
            labels=["model"],
        )
        for model in self._models.serving():
            running.add_metric([model.name], model.execution.running)
            waiting.add_metric([model.name], model.execution.waiting)
        state = GaugeMetricFamily(
            "inferry_model_state",
            "1 for the phase of a model.",
            labels=["model", "phase"],
        )
        for name, now in self._models.states().items():
            for phase in PHASES:
                state.add_metric([name, phase], float(now.phase == phase))
        return (running, waiting, state)
