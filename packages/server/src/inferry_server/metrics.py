"""The numbers of one server, in a registry of its own, for Prometheus.

They are made when they are asked for, from `inferry_server.statistics` and the models;
`FAMILIES` is all of them, as the reference lists them. The last four bear the names of
KServe's model server, so that its dashboards work.

A request for a model that is not there counts under an empty ``model``: what clients
invent must not become labels.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Literal, NamedTuple

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from inferry_server.counters import BOUNDS, PROTOCOLS
from inferry_server.states import PHASES as MODEL_PHASES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from prometheus_client.metrics_core import Metric

    from inferry_server.counters import Durations
    from inferry_server.models import Models
    from inferry_server.payload_log import PayloadLogs
    from inferry_server.statistics import Statistics

    Kind = Literal["counter", "gauge", "histogram"]

_LE = (*(str(bound / 1e9) for bound in BOUNDS), "+Inf")
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Family(NamedTuple):
    """One name with what it counts; a counter is shown with ``_total``."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str


_MODEL = ("model",)
_BY_PROTOCOL = ("model", "protocol")
_BY_NAME = ("model_name",)
_HISTOGRAMS = {
    "queue": Family(
        "inferry_queue_duration_seconds",
        "histogram",
        _MODEL,
        "Time from the hand-over to the model until it began, batching included.",
    ),
    "receive": Family(
        "inferry_receive_duration_seconds",
        "histogram",
        _MODEL,
        "Time from a request's head until its body was there.",
    ),
    "decode": Family(
        "inferry_decode_duration_seconds",
        "histogram",
        _MODEL,
        "Time from a request's body until it was handed to the model.",
    ),
    "predict": Family(
        "inferry_predict_duration_seconds",
        "histogram",
        _MODEL,
        "Time that the model took to predict.",
    ),
    "explain": Family(
        "inferry_explain_duration_seconds",
        "histogram",
        _MODEL,
        "Time that the model took to explain.",
    ),
    "encode": Family(
        "inferry_encode_duration_seconds",
        "histogram",
        _MODEL,
        "Time from the model's answer until it was written.",
    ),
}
_KSERVE = {
    "decode": Family(
        "request_preprocess_seconds", "histogram", _BY_NAME, "KServe's name of decode."
    ),
    "predict": Family(
        "request_predict_seconds", "histogram", _BY_NAME, "KServe's name of predict."
    ),
    "explain": Family(
        "request_explain_seconds", "histogram", _BY_NAME, "KServe's name of explain."
    ),
    "encode": Family(
        "request_postprocess_seconds", "histogram", _BY_NAME, "KServe's name of encode."
    ),
}
_REQUESTS = Family(
    "inferry_requests",
    "counter",
    ("model", "protocol", "code"),
    "Answered requests, by HTTP status; gRPC's codes count as the status alike.",
)
_DURATION = Family(
    "inferry_request_duration_seconds",
    "histogram",
    _BY_PROTOCOL,
    "Time from a request's head to its answer.",
)
_RECEIVED = Family(
    "inferry_request_bytes", "counter", _BY_PROTOCOL, "Bytes of request bodies."
)
_SENT = Family(
    "inferry_response_bytes", "counter", _BY_PROTOCOL, "Bytes of response bodies."
)
_BATCH_SIZE = Family(
    "inferry_batch_size",
    "histogram",
    _MODEL,
    "Rows that a model computed in one execution.",
)
_IN_FLIGHT = Family(
    "inferry_requests_in_flight",
    "gauge",
    ("protocol",),
    "Requests between head and answer, streams included.",
)
_RUNNING = Family(
    "inferry_requests_running", "gauge", _MODEL, "Calls of the model now."
)
_WAITING = Family(
    "inferry_requests_waiting", "gauge", _MODEL, "Calls that wait for their turn."
)
_LOAD = Family(
    "inferry_model_load_duration_seconds",
    "gauge",
    _MODEL,
    "Time of the last load, with its warm-up.",
)
_STATE = Family(
    "inferry_model_state", "gauge", ("model", "phase"), "1 for the phase of a model."
)
_LOGGED = Family(
    "inferry_payload_log_messages",
    "counter",
    ("model", "outcome"),
    "Copies of requests and responses: sent, failed at the sink, dropped for room.",
)
_LOG_WAITS = Family(
    "inferry_payload_log_waiting_bytes",
    "gauge",
    _MODEL,
    "Memory of the copies that wait to be sent.",
)
FAMILIES: tuple[Family, ...] = (
    _REQUESTS,
    _DURATION,
    *_HISTOGRAMS.values(),
    _RECEIVED,
    _SENT,
    _BATCH_SIZE,
    _IN_FLIGHT,
    _RUNNING,
    _WAITING,
    _LOAD,
    _STATE,
    _LOGGED,
    _LOG_WAITS,
    *_KSERVE.values(),
)


class Metrics:
    """Shows what *statistics* has and the server does; `render` is ``/metrics``."""

    def __init__(
        self, statistics: Statistics, payloads: PayloadLogs | None = None
    ) -> None:
        self.registry = CollectorRegistry()
        self._load_seconds: dict[str, float] = {}
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.registry.register(_Collected(lambda: _counts(statistics)))
        self.registry.register(_Collected(lambda: [self._loads()]))
        if payloads is not None:
            self.registry.register(_Collected(lambda: _payloads(payloads)))

    def watch(self, models: Models) -> None:
        """Report the gauges of *models*, read when they are asked for."""
        self.registry.register(_Collected(lambda: _gauges(models)))

    def loaded(self, model: str, seconds: float) -> None:
        """Record how long *model* took to load."""
        self._load_seconds[model] = seconds

    def forget(self, model: str) -> None:
        """Drop the load of a *model* that is gone; its counts stay."""
        self._load_seconds.pop(model, None)

    def _loads(self) -> Metric:
        load = _gauge(_LOAD)
        for model, seconds in self._load_seconds.items():
            load.add_metric([model], seconds)
        return load

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return all numbers and their content type, which *accept* chooses."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


class _Collected(Collector):
    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()


def _counts(statistics: Statistics) -> Iterable[Metric]:
    requests = _counter(_REQUESTS)
    received = _counter(_RECEIVED)
    sent = _counter(_SENT)
    duration = _histogram(_DURATION)
    for model, counted in statistics.counted():
        for protocol, answers in counted.answers.items():
            if not answers.codes:
                continue
            for code, count in answers.codes.items():
                requests.add_metric([model, protocol, str(code)], count)
            received.add_metric([model, protocol], answers.received)
            sent.add_metric([model, protocol], answers.sent)
            _add(duration, [model, protocol], answers.durations)
    in_flight = _gauge(_IN_FLIGHT)
    for protocol in PROTOCOLS:
        in_flight.add_metric([protocol], statistics.in_flight[protocol])
    yield from (requests, received, sent, duration, in_flight)
    yield from _phases(statistics)
    yield _batch_sizes(statistics)


def _phases(statistics: Statistics) -> Iterable[Metric]:
    for families in (_HISTOGRAMS, _KSERVE):
        for phase, family in families.items():
            histogram = _histogram(family)
            for model, counted in statistics.counted():
                if model:
                    _add(histogram, [model], getattr(counted, phase))
            yield histogram


def _batch_sizes(statistics: Statistics) -> Metric:
    histogram = _histogram(_BATCH_SIZE)
    for model, counted in statistics.counted():
        counts = [0] * (len(_SIZES) + 1)
        rows = 0
        for size, executed in counted.batches.items():
            place = next((i for i, le in enumerate(_SIZES) if size <= le), -1)
            counts[place] += round(executed.executions)
            rows += executed.rows
        if rows:
            bounds = (*map(str, map(float, _SIZES)), "+Inf")
            _add_counts(histogram, [model], bounds, counts, rows)
    return histogram


def _gauges(models: Models) -> Iterable[Metric]:
    running = _gauge(_RUNNING)
    waiting = _gauge(_WAITING)
    for model in models.serving():
        running.add_metric([model.name], model.execution.running)
        waiting.add_metric([model.name], model.waiting)
    state = _gauge(_STATE)
    for name, now in models.states().items():
        for phase in MODEL_PHASES:
            state.add_metric([name, phase], float(now.phase == phase))
    return (running, waiting, state)


def _payloads(payloads: PayloadLogs) -> Iterable[Metric]:
    messages = _counter(_LOGGED)
    waiting = _gauge(_LOG_WAITS)
    for model, counts, size in payloads.counts():
        for outcome in ("sent", "failed", "dropped"):
            messages.add_metric([model, outcome], getattr(counts, outcome))
        waiting.add_metric([model], size)
    return (messages, waiting)


def _counter(family: Family) -> CounterMetricFamily:
    return CounterMetricFamily(family.name, family.help, labels=family.labels)


def _gauge(family: Family) -> GaugeMetricFamily:
    return GaugeMetricFamily(family.name, family.help, labels=family.labels)


def _histogram(family: Family) -> HistogramMetricFamily:
    return HistogramMetricFamily(family.name, family.help, labels=family.labels)


def _add(
    histogram: HistogramMetricFamily, labels: Sequence[str], durations: Durations
) -> None:
    """Add a series, unless nothing was counted yet: most models never explain."""
    if durations.counts.any():
        counts = durations.counts.tolist()
        _add_counts(histogram, labels, _LE, counts, durations.sum / 1e9)


def _add_counts(
    histogram: HistogramMetricFamily,
    labels: Sequence[str],
    bounds: Sequence[str],
    counts: Sequence[int],
    total: float,
) -> None:
    buckets = list(zip(bounds, accumulate(counts), strict=True))
    histogram.add_metric(labels, buckets, total)
