"""``/metrics`` as text: all that `inferry_server.metrics` lists, made for each look."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from inferry import generation
from inferry_server.counters import BOUNDS, PROTOCOLS
from inferry_server.metrics import (
    BATCH_SIZE,
    CACHED_TOKENS,
    CACHED_TOKENS_LIMIT,
    DURATION,
    EVICTIONS,
    FIRST_TOKEN,
    GENERATED_TOKENS,
    GENERATING,
    IN_FLIGHT,
    KSERVE_PHASES,
    LOAD,
    LOG_WAITS,
    LOGGED,
    MEMORY,
    PHASES,
    PROMPT_TOKENS,
    PROMPTS_WAITING,
    RECEIVED,
    REQUESTS,
    RUNNING,
    SENT,
    STATE,
    TOKEN,
    WAITING,
)
from inferry_server.states import PHASES as MODEL_PHASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prometheus_client.metrics_core import Metric

    from inferry_server.counters import Durations
    from inferry_server.metrics import Family, Metrics
    from inferry_server.models import Models
    from inferry_server.payload_log import PayloadLogs
    from inferry_server.statistics import Statistics

_LE = (*(str(bound / 1e9) for bound in BOUNDS), "+Inf")
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Exposition:
    """Writes *metrics* and those of the process.

    `collect` reads on the event loop; `render` works on what it read and may take tens
    of ms where there are many models, so it belongs into a thread.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._process = (ProcessCollector(registry=None), PlatformCollector(None))

    def collect(self) -> list[Metric]:
        """Return all numbers of the server as they are now."""
        metrics = self._metrics
        found = [*_counts(metrics.statistics), _loads(metrics.load_seconds)]
        if metrics.models is not None:
            found += _gauges(metrics.models)
            found += _generated(metrics.models)
        if metrics.payloads is not None:
            found += _payloads(metrics.payloads)
        return found

    def render(self, collected: Sequence[Metric], accept: str) -> tuple[bytes, str]:
        """Return the text and its content type, which *accept* chooses."""
        registry = CollectorRegistry()
        for collector in self._process:
            registry.register(collector)
        registry.register(_Collected(collected))
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type


class _Collected(Collector):
    def __init__(self, collected: Sequence[Metric]) -> None:
        self._collected = collected

    def collect(self) -> Sequence[Metric]:
        return self._collected


def _loads(seconds: dict[str, float]) -> Metric:
    load = _gauge(LOAD)
    for model, took in seconds.items():
        load.add_metric([model], took)
    return load


def _counts(statistics: Statistics) -> Iterable[Metric]:
    requests = _counter(REQUESTS)
    received = _counter(RECEIVED)
    sent = _counter(SENT)
    duration = _histogram(DURATION)
    for model, counted in statistics.counted():
        for protocol, answers in counted.answers.items():
            if not answers.codes:
                continue
            for code, count in answers.codes.items():
                requests.add_metric([model, protocol, str(code)], count)
            received.add_metric([model, protocol], answers.received)
            sent.add_metric([model, protocol], answers.sent)
            _add(duration, [model, protocol], answers.durations)
    in_flight = _gauge(IN_FLIGHT)
    for protocol in PROTOCOLS:
        in_flight.add_metric([protocol], statistics.in_flight[protocol])
    yield from (requests, received, sent, duration, in_flight)
    yield from _phases(statistics)
    yield _batch_sizes(statistics)


def _phases(statistics: Statistics) -> Iterable[Metric]:
    for families in (PHASES, KSERVE_PHASES):
        for phase, family in families.items():
            histogram = _histogram(family)
            for model, counted in statistics.counted():
                if model:
                    _add(histogram, [model], getattr(counted, phase))
            yield histogram


def _batch_sizes(statistics: Statistics) -> Metric:
    histogram = _histogram(BATCH_SIZE)
    for model, counted in statistics.counted():
        counts = [0] * (len(_SIZES) + 1)
        rows = 0
        for size, executed in counted.batches.items():
            place = next((i for i, le in enumerate(_SIZES) if size <= le), -1)
            counts[place] += executed.executions
            rows += executed.rows
        if rows:
            bounds = (*map(str, map(float, _SIZES)), "+Inf")
            _add_counts(histogram, [model], bounds, counts, rows)
    return histogram


def _gauges(models: Models) -> Iterable[Metric]:
    running = _gauge(RUNNING)
    waiting = _gauge(WAITING)
    memory = _gauge(MEMORY)
    evictions = _counter(EVICTIONS)
    for model in models.serving():
        memory.add_metric([model.name], model.memory)
        calls = model.execution.running + model.openai.running
        running.add_metric([model.name], calls)
        waiting.add_metric([model.name], model.waiting)
    state = _gauge(STATE)
    for name, now in models.states().items():
        evictions.add_metric([name], models.evictions.get(name, 0))
        for phase in MODEL_PHASES:
            state.add_metric([name, phase], float(now.phase == phase))
    return (running, waiting, memory, evictions, state)


def _generated(models: Models) -> Iterable[Metric]:
    first, token = _histogram(FIRST_TOKEN), _histogram(TOKEN)
    prompts, generated = _counter(PROMPT_TOKENS), _counter(GENERATED_TOKENS)
    running, waiting = _gauge(GENERATING), _gauge(PROMPTS_WAITING)
    cached, limit = _gauge(CACHED_TOKENS), _gauge(CACHED_TOKENS_LIMIT)
    bounds = (*map(str, generation.BOUNDS), "+Inf")
    for model in models.serving():
        told = model.generation
        if told is None:
            continue
        label = [model.name]
        for histogram, durations in ((first, told.first_token), (token, told.token)):
            counts = tuple(durations.counts)
            _add_counts(histogram, label, bounds, counts, durations.sum)
        prompts.add_metric(label, told.prompt_tokens)
        generated.add_metric(label, told.generated_tokens)
        running.add_metric(label, told.running)
        waiting.add_metric(label, told.waiting)
        cached.add_metric(label, told.cached_tokens)
        limit.add_metric(label, told.cached_tokens_limit)
    return (first, token, prompts, generated, running, waiting, cached, limit)


def _payloads(payloads: PayloadLogs) -> Iterable[Metric]:
    messages = _counter(LOGGED)
    waiting = _gauge(LOG_WAITS)
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
