"""InferenceGraph: inference services chained, chosen between or asked together."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from inferry.api._meta import Api, ObjectMeta


class GraphStep(Api, frozen=True):
    """One step of a node: exactly one of ``nodeName``, ``serviceName``, ``serviceUrl``.

    ``condition`` is a GJSON path, ``data`` is ``$request`` or ``$response``.
    """

    name: str | None = None
    node_name: str | None = None
    service_name: str | None = None
    service_url: str | None = None
    data: str | None = None
    map_predictions_to_instances: bool = False
    weight: int | None = None
    condition: str | None = None
    dependency: Literal["Soft", "Hard"] | None = None


class GraphNode(Api, frozen=True):
    """One node of a graph, called a router by KServe."""

    router_type: Literal["Sequence", "Splitter", "Ensemble", "Switch"]
    steps: list[GraphStep] = msgspec.field(default_factory=list)


class RouterTimeouts(Api, frozen=True):
    """How long the router waits, in seconds."""

    server_read: int | None = None
    server_write: int | None = None
    server_idle: int | None = None
    service_client: int | None = None


class InferenceGraphSpec(Api, frozen=True):
    """``spec`` of an InferenceGraph; the walk begins at the node ``root``."""

    nodes: dict[str, GraphNode]
    resources: dict[str, Any] = msgspec.field(default_factory=dict)
    affinity: dict[str, Any] | None = None
    tolerations: list[dict[str, Any]] = msgspec.field(default_factory=list)
    node_selector: dict[str, str] = msgspec.field(default_factory=dict)
    node_name: str | None = None
    service_account_name: str | None = None
    timeout: int | None = None
    router_timeouts: RouterTimeouts | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    scale_target: int | None = None
    scale_metric: Literal["cpu", "memory", "concurrency", "rps"] | None = None


class InferenceGraph(Api, frozen=True):
    """``serving.kserve.io/v1alpha1`` InferenceGraph."""

    metadata: ObjectMeta
    spec: InferenceGraphSpec
    api_version: str = "serving.kserve.io/v1alpha1"
    kind: str = "InferenceGraph"
