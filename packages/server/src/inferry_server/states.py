"""What a server is asked to serve, and how far it is."""

from __future__ import annotations

import re
from pathlib import Path  # noqa: TC003 - msgspec reads it at run time
from typing import Any, Literal

import msgspec

Phase = Literal["Pending", "Loading", "WarmingUp", "Ready", "Failed", "Unloaded"]

#: What a model may be called: it is a part of paths, of urls and of files.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}\Z")
PHASES: tuple[Phase, ...] = (
    "Pending",
    "Loading",
    "WarmingUp",
    "Ready",
    "Failed",
    "Unloaded",
)
ON_THE_WAY: frozenset[Phase] = frozenset({"Pending", "Loading", "WarmingUp"})


class Batching(msgspec.Struct, frozen=True, kw_only=True):
    """How requests for one model are merged: up to ``max_size`` rows in one call.

    A request waits for others while the model is busy, for ``max_delay`` seconds at
    most; a model that is idle starts at once.
    """

    max_size: int = 32
    max_delay: float = 5.0


class PayloadLog(msgspec.Struct, frozen=True, kw_only=True):
    """Where the requests and responses of one model are copied to.

    ``url`` is an HTTP endpoint, which gets a CloudEvent per message, or the folder of
    an object store. ``metadata_headers`` are the request headers that go along.
    ``batch_size`` and ``batch_interval`` (seconds) say how many make one object, and
    ``format`` how it is written; an HTTP endpoint ignores the three. ``max_bytes``
    bounds what waits to be sent; what comes beyond is dropped. Source: KServe's payload
    logger.
    """

    url: str
    mode: Literal["all", "request", "response"] = "all"
    metadata_headers: tuple[str, ...] = ()
    metadata_annotations: dict[str, str] = {}
    source: str = ""
    component: str = "predictor"
    endpoint: str = ""
    format: Literal["json", "csv", "parquet"] = "json"
    batch_size: int = 1
    batch_interval: float = 0.0
    ca_file: str = ""
    verify: bool = True
    parameters: dict[str, str] = {}
    max_bytes: int = 32 * 1024 * 1024


class Predictor(msgspec.Struct, frozen=True, kw_only=True):
    """The predictor behind a transformer or an explainer.

    ``host`` is ``host[:port]`` and ``model`` the name of the model there, that of the
    model here where it is empty. ``retries`` are further attempts to connect. With
    ``check_health`` the model here is ready only while the predictor is.
    ``forwarded_headers`` pass from the request to it, by lower-case name.
    """

    host: str
    model: str = ""
    protocol: Literal["v1", "v2", "grpc-v2"] = "v1"
    use_tls: bool = False
    timeout: float = 600.0
    retries: int = 0
    check_health: bool = False
    forwarded_headers: tuple[str, ...] = ("traceparent", "tracestate", "x-request-id")


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One model to serve.

    ``target`` is the class that serves it, ``module:Class``. ``runtime`` is the name of
    the runtime plugin that it comes from and ``install`` what pip needs to install it;
    both only make messages better. ``concurrency`` limits the calls of ``predict`` at
    one time, 0 leaves it to the model. ``service`` and ``namespace`` name the
    InferenceService that it belongs to, where there is one. ``memory`` is how many
    bytes it is said to need, 0 where nobody says. One that is ``isolated`` runs in a
    process of its own; see `inferry_server.isolation`.
    """

    name: str
    target: str
    path: Path
    runtime: str = ""
    options: dict[str, Any] = {}
    concurrency: int = 0
    install: str = ""
    batching: Batching | None = None
    payload_log: PayloadLog | None = None
    predictor: Predictor | None = None
    service: str = ""
    namespace: str = ""
    memory: int = 0
    isolated: bool = False


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server listens; None where it does not."""

    http: int | None = None
    grpc: int | None = None
    management: int | None = None


class ModelState(msgspec.Struct, frozen=True, kw_only=True):
    """Where one model is; ``seconds`` is the time it has spent in this phase.

    ``reason`` is one of `inferry.status.Reason`. A model that serves while a newer
    version of it loads or failed is Ready, and ``reason`` tells about the newer one.
    """

    name: str
    phase: Phase
    reason: str = ""
    message: str = ""
    remedy: str = ""
    seconds: float = 0.0
    progress: float | None = None
