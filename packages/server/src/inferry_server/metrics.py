"""The numbers of one server for Prometheus.

They are made when they are asked for, from `inferry_server.statistics` and the models;
`FAMILIES` is all of them, as the reference lists them. The last four bear the names of
KServe's model server, so that its dashboards work.

A request for a model that is not there counts under an empty ``model``: what clients
invent must not become labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from inferry_server.workers import in_thread

if TYPE_CHECKING:
    from inferry_server.exposition import Exposition
    from inferry_server.models import Models
    from inferry_server.payload_log import PayloadLogs
    from inferry_server.statistics import Statistics

    Kind = Literal["counter", "gauge", "histogram"]


class Family(NamedTuple):
    """One name with what it counts; a counter is shown with ``_total``."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str


_MODEL = ("model",)
_BY_PROTOCOL = ("model", "protocol")
_BY_NAME = ("model_name",)
PHASES = {
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
KSERVE_PHASES = {
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
REQUESTS = Family(
    "inferry_requests",
    "counter",
    ("model", "protocol", "code"),
    "Answered requests, by HTTP status; gRPC's codes count as the status alike.",
)
DURATION = Family(
    "inferry_request_duration_seconds",
    "histogram",
    _BY_PROTOCOL,
    "Time from a request's head to its answer.",
)
RECEIVED = Family(
    "inferry_request_bytes", "counter", _BY_PROTOCOL, "Bytes of request bodies."
)
SENT = Family(
    "inferry_response_bytes", "counter", _BY_PROTOCOL, "Bytes of response bodies."
)
BATCH_SIZE = Family(
    "inferry_batch_size",
    "histogram",
    _MODEL,
    "Rows that a model computed in one execution.",
)
IN_FLIGHT = Family(
    "inferry_requests_in_flight",
    "gauge",
    ("protocol",),
    "Requests between head and answer, streams included.",
)
RUNNING = Family("inferry_requests_running", "gauge", _MODEL, "Calls of the model now.")
WAITING = Family(
    "inferry_requests_waiting", "gauge", _MODEL, "Calls that wait for their turn."
)
FIRST_TOKEN = Family(
    "inferry_first_token_duration_seconds",
    "histogram",
    _MODEL,
    "Time from a prompt until the first token of its answer, waiting included.",
)
TOKEN = Family(
    "inferry_token_duration_seconds",
    "histogram",
    _MODEL,
    "Time of each further token, the mean of an answer; a cut off stream has none.",
)
PROMPT_TOKENS = Family(
    "inferry_prompt_tokens", "counter", _MODEL, "Tokens of prompts that were read."
)
GENERATED_TOKENS = Family(
    "inferry_generated_tokens", "counter", _MODEL, "Tokens that were generated."
)
GENERATING = Family(
    "inferry_generations_running", "gauge", _MODEL, "Answers that are generated now."
)
PROMPTS_WAITING = Family(
    "inferry_generations_waiting", "gauge", _MODEL, "Prompts that wait for their turn."
)
CACHED_TOKENS = Family(
    "inferry_cached_tokens",
    "gauge",
    _MODEL,
    "Tokens whose keys and values memory is taken for.",
)
CACHED_TOKENS_LIMIT = Family(
    "inferry_cached_tokens_limit", "gauge", _MODEL, "The most that there may be."
)
GENERATION: tuple[Family, ...] = (
    FIRST_TOKEN,
    TOKEN,
    PROMPT_TOKENS,
    GENERATED_TOKENS,
    GENERATING,
    PROMPTS_WAITING,
    CACHED_TOKENS,
    CACHED_TOKENS_LIMIT,
)
LOAD = Family(
    "inferry_model_load_duration_seconds",
    "gauge",
    _MODEL,
    "Time of the last load, with its warm-up.",
)
MEMORY = Family(
    "inferry_model_memory_bytes",
    "gauge",
    _MODEL,
    "Memory of a model as it says, or of its files or what the process grew by, "
    "whichever is more, without libraries; 0 while it sleeps.",
)
EVICTIONS = Family(
    "inferry_model_evictions",
    "counter",
    _MODEL,
    "Times that a model gave way to others under the memory budget.",
)
STATE = Family(
    "inferry_model_state", "gauge", ("model", "phase"), "1 for the phase of a model."
)
LOGGED = Family(
    "inferry_payload_log_messages",
    "counter",
    ("model", "outcome"),
    "Copies of requests and responses: sent, failed at the sink, dropped for room.",
)
LOG_WAITS = Family(
    "inferry_payload_log_waiting_bytes",
    "gauge",
    _MODEL,
    "Memory of the copies that wait to be sent.",
)
FAMILIES: tuple[Family, ...] = (
    REQUESTS,
    DURATION,
    *PHASES.values(),
    RECEIVED,
    SENT,
    BATCH_SIZE,
    IN_FLIGHT,
    RUNNING,
    WAITING,
    *GENERATION,
    LOAD,
    MEMORY,
    EVICTIONS,
    STATE,
    LOGGED,
    LOG_WAITS,
    *KSERVE_PHASES.values(),
)


class Metrics:
    """Shows what *statistics*, *payloads* and the server have; see `render`."""

    def __init__(
        self, statistics: Statistics, payloads: PayloadLogs | None = None
    ) -> None:
        self.statistics = statistics
        self.payloads = payloads
        #: The models that are watched.
        self.models: Models | None = None
        #: How long the last load of each model took.
        self.load_seconds: dict[str, float] = {}
        self._exposition: Exposition | None = None

    def watch(self, models: Models) -> None:
        """Report the gauges of *models*, read when they are asked for."""
        self.models = models

    def loaded(self, model: str, seconds: float) -> None:
        """Record how long *model* took to load."""
        self.load_seconds[model] = seconds

    def forget(self, model: str) -> None:
        """Drop the load of a *model* that is gone; its counts stay."""
        self.load_seconds.pop(model, None)

    async def render(self, accept: str) -> tuple[bytes, str]:
        """Return all numbers and their content type, which *accept* chooses."""
        if self._exposition is None:
            # Prometheus' client takes 60 ms to import, paid by the first who asks.
            self._exposition = await in_thread("inferry-metrics", _expose, self)
        collected = self._exposition.collect()
        return await in_thread(
            "inferry-metrics", self._exposition.render, collected, accept
        )


def _expose(metrics: Metrics) -> Exposition:
    from inferry_server.exposition import Exposition

    return Exposition(metrics)
