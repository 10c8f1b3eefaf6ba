"""What our model server is told of a component: its flags."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from inferry.status import Reason
from inferry_controller.rendering.containers import MODEL_PATH
from inferry_controller.rendering.rendered import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inferry.planning import ComponentPlan, ServingPlan
    from inferry_controller.rendering.pods_ending import Ending

_DEFAULT_BATCH = 32
_DEFAULT_LATENCY_MS = 5000
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def server_flags(
    component: ComponentPlan, plan: ServingPlan, end: Ending
) -> tuple[dict[str, str], tuple[Problem, ...]]:
    """Return the flags of *component*, and what they cannot say of it."""
    flags = {"host": "0.0.0.0"}  # noqa: S104 - a pod is reached at its own address
    if component.model is not None:
        flags |= {"model_name": component.model.name, "model_dir": MODEL_PATH}
    flags |= {"service_name": plan.name, "namespace": plan.namespace}
    if component.timeout is not None:
        flags["request_timeout"] = f"{component.timeout:g}"
    if component.concurrency:
        flags["concurrency"] = str(component.concurrency)
    flags |= _batching(component)
    flags |= {"drain_delay": str(end.delay), "drain_timeout": str(end.drain)}
    copies = _payload_log(component)
    if isinstance(copies, Problem):
        return flags, (copies,)
    return flags | copies, tuple(_unread(component))


def _batching(component: ComponentPlan) -> dict[str, str]:
    batcher = component.batcher
    if batcher is None:
        return {}
    size = _or(batcher.get("maxBatchSize"), _DEFAULT_BATCH)
    latency = _or(batcher.get("maxLatency"), _DEFAULT_LATENCY_MS)
    return {"batch_max_size": str(size), "batch_max_delay": f"{latency / 1000:g}"}


def _payload_log(component: ComponentPlan) -> dict[str, str] | Problem:
    logger = component.logger
    if logger is None:
        return {}
    url = str(logger.get("url") or "")
    if not url:
        return _refused(
            component, "logger", "url says where the payloads go; it is missing"
        )
    interval = _interval(logger.get("batchInterval"))
    if interval is None:
        return _refused(component, "logger", "batchInterval is not such as 30s or 1m")
    storage = logger.get("storage") or {}
    folder = str(storage.get("path") or "").strip("/")
    flags = {
        "payload_log_url": f"{url.rstrip('/')}/{folder}" if folder else url,
        "payload_log_mode": str(logger.get("mode") or "all"),
    }
    if headers := logger.get("metadataHeaders"):
        flags["payload_log_headers"] = ",".join(headers)
    flags |= _along(component, logger)
    parameters = {k: str(v) for k, v in (storage.get("parameters") or {}).items()}
    if form := parameters.pop("format", ""):
        flags["payload_log_format"] = form
    if parameters:
        flags["payload_log_parameters"] = json.dumps(parameters, sort_keys=True)
    if size := logger.get("batchSize"):
        flags["payload_log_batch_size"] = str(size)
    if interval:
        flags["payload_log_batch_interval"] = f"{interval:g}"
    return flags


def _along(component: ComponentPlan, logger: Mapping[str, Any]) -> dict[str, str]:
    """Return what goes along with each message."""
    flags: dict[str, str] = {"payload_log_component": component.component}
    wanted = logger.get("metadataAnnotations") or ()
    found = component.annotations
    if told := {key: found[key] for key in wanted if key in found}:
        flags["payload_log_annotations"] = json.dumps(told, sort_keys=True)
    return flags


def _unread(component: ComponentPlan) -> Iterator[Problem]:
    """Tell of what a logger says and the server of a pod does not read."""
    storage = (component.logger or {}).get("storage") or {}
    for name in ("key", "serviceAccountName"):
        if storage.get(name):
            yield Problem(
                path=f"spec.{component.component}.logger.storage.{name}",
                why="the server opens the store of its payload logs with its "
                "environment",
                remedy="give the container the variables of the store, such as "
                "AWS_ACCESS_KEY_ID, as secretKeyRef",
            )


def _interval(duration: object) -> float | None:
    """Return a duration as Go writes it (``1m30s``) in seconds, None for any other."""
    text = str(duration or "0s")
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(n) * _SECONDS[unit] for n, unit in _PART.findall(text))


def _or(value: Any, default: int) -> int:  # noqa: ANN401 - a number or nothing
    return default if value is None else int(value)


def _refused(component: ComponentPlan, name: str, why: str) -> Problem:
    path = f"spec.{component.component}.{name}"
    remedy = f"correct {path}"
    return Problem(
        path=path, why=why, fatal=True, reason=Reason.InvalidSpec, remedy=remedy
    )


def unserved(component: ComponentPlan, *, knative: bool) -> tuple[Problem, ...]:
    """Return what a container that is not our server does not do of *component*.

    How many requests a replica takes at once, Knative sees to by itself; transformers
    and explainers are told by KServe's flag.
    """
    image = str(component.container.get("image") or "its container")
    bounded = knative or component.component != "predictor"
    given: Mapping[str, object] = {
        "batcher": component.batcher,
        "logger": component.logger,
        "containerConcurrency": None if bounded else component.concurrency or None,
    }
    return tuple(
        Problem(
            path=f"spec.{component.component}.{name}",
            why=f"our model server does this itself, and {image} is another server",
            remedy=f"use a runtime plugin, or remove spec.{component.component}.{name}",
        )
        for name, value in given.items()
        if value is not None
    )
