"""What a replica is told: the plan of its revision as the server's own settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.storage import shown_uri
from inferry_local.messages import ReplicaSpec
from inferry_local.model_fields import model_fields
from inferry_local.trained import memory_budget

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inferry.planning import ComponentPlan
    from inferry_local.records import RevisionRecord


#: Settings have no "none": these say "no limit" with 0.
UNLIMITED_AT_ZERO = ("load_timeout", "request_timeout")


def replica_spec(
    revision: RevisionRecord,
    *,
    socket: Path,
    logs: Path,
    server: Mapping[str, Any],
    drain_timeout: float,
    forget: tuple[str, ...] = (),
    namespace: str = "",
    hosts: bool = False,
) -> ReplicaSpec:
    """Return what each replica of *revision* is told.

    One that *hosts* TrainedModels has no model of its own; what its container may hold
    is their memory budget.
    """
    predictor = revision.predictor
    if hosts:
        server = {**server, "memory_budget": memory_budget(predictor.container)}
    model = {} if hosts else model_fields(predictor, revision.path)
    return ReplicaSpec(
        socket=str(socket),
        application=revision.application,
        revision=revision.name,
        logs=str(logs),
        model=model and {**model, "namespace": namespace},
        server=_server(predictor, server, drain_timeout),
        environment=environment(predictor.container) | _source(predictor),
        drain_timeout=drain_timeout,
        forget=forget,
    )


def environment(container: Mapping[str, Any]) -> dict[str, str]:
    """Return the container's variables; planning reports those that are left out.

    Whoever writes a service must not change the settings it is held to, such as whose
    code is trusted.
    """
    return {
        str(each["name"]): str(each.get("value", ""))
        for each in container.get("env", ())
        if "valueFrom" not in each and not str(each["name"]).startswith("INFERRY_")
    }


def _source(predictor: ComponentPlan) -> dict[str, str]:
    """Say where the model's folder came from, for settings that trust its URI.

    Only for a single source: of several, the folder does not tell which file is whose.
    """
    uris = [source.uri for source in predictor.sources]
    if len(uris) != 1 or "://" not in uris[0]:
        return {}
    return {"INFERRY_MODEL_SOURCE": shown_uri(uris[0])}


def _server(
    predictor: ComponentPlan, server: Mapping[str, Any], drain_timeout: float
) -> dict[str, Any]:
    # A replica takes free ports of its own. The server speaks gRPC for every model, as
    # KServe's does, whatever a runtime lists; nobody manages models behind our back.
    own = {"http_port": 0, "grpc_port": 0, "management_port": None}
    settings = {**server, **own, "drain_timeout": drain_timeout}
    for key in UNLIMITED_AT_ZERO:
        settings[key] = settings.get(key) or None
    if predictor.timeout is not None:
        settings["request_timeout"] = predictor.timeout
    return settings
