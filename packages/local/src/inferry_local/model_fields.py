"""A predictor's plan as the fields of `inferry_server.ModelSpec`, in plain data.

Plain, because the supervisor has no need of the server; `inferry_local.replica` makes
the objects.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from inferry.errors import PlanningError
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inferry.planning import ComponentPlan

#: Where the fields of a predictor stand in a service.
BATCHER = "spec.predictor.batcher"
LOGGER = "spec.predictor.logger"

_DEFAULT_BATCH = 32
_DEFAULT_LATENCY_MS = 5000
_FORMATS = ("json", "csv", "parquet")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def model_fields(predictor: ComponentPlan, path: Path | None) -> dict[str, Any]:
    """Return what each replica is told of its model.

    Raises:
        PlanningError: The batcher or the logger cannot be understood.

    """
    model, runtime = predictor.model, predictor.runtime
    if model is None:  # `applying` refuses such a plan
        msg = "the predictor has no model"
        raise ValueError(msg)
    labels = predictor.labels
    return {
        "name": model.name,
        "target": model.target,
        "path": str(path) if path else "",
        "runtime": runtime.name if runtime else "",
        "install": f"{runtime.plugin}[serve]" if runtime and runtime.plugin else "",
        "options": dict(model.options),
        "concurrency": predictor.concurrency,
        "batching": batching(predictor.batcher),
        "payload_log": payload_log(predictor),
        "service": labels.get("serving.kserve.io/inferenceservice", ""),
    }


def batching(batcher: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the fields of `inferry_server.Batching`, None without a batcher."""
    if batcher is None:
        return None
    size = batcher.get("maxBatchSize")
    latency = batcher.get("maxLatency")
    size = _DEFAULT_BATCH if size is None else size
    latency = _DEFAULT_LATENCY_MS if latency is None else latency
    if size < 1 or latency < 0:
        raise _refused(BATCHER, "maxBatchSize is at least 1 and maxLatency at least 0")
    return {"max_size": size, "max_delay": latency / 1000}


def payload_log(predictor: ComponentPlan) -> dict[str, Any] | None:
    """Return the fields of `inferry_server.PayloadLog`, None without a logger."""
    logger = predictor.logger
    if logger is None:
        return None
    url = str(logger.get("url") or "")
    if not url:
        raise _refused(LOGGER, "url says where the payloads go; it is missing")
    storage = logger.get("storage") or {}
    parameters = {k: str(v) for k, v in (storage.get("parameters") or {}).items()}
    form = parameters.pop("format", "json")
    if form not in _FORMATS:
        raise _refused(
            LOGGER,
            f"storage.parameters.format is {form!r}, not one of " + ", ".join(_FORMATS),
        )
    folder = str(storage.get("path") or "").strip("/")
    wanted = logger.get("metadataAnnotations") or ()
    found = predictor.annotations
    return {
        "url": f"{url.rstrip('/')}/{folder}" if folder else url,
        "mode": logger.get("mode") or "all",
        "metadata_headers": list(logger.get("metadataHeaders") or ()),
        "metadata_annotations": {key: found[key] for key in wanted if key in found},
        "component": predictor.component,
        "format": form,
        "batch_size": max(1, logger.get("batchSize") or 1),
        "batch_interval": _seconds(logger.get("batchInterval")),
        "parameters": parameters,
    }


def _seconds(duration: object) -> float:
    """Return a duration as Go writes it (``1m30s``) in seconds."""
    text = str(duration or "0s")
    if not _DURATION.fullmatch(text):
        raise _refused(LOGGER, f"batchInterval is {text!r}, not such as 30s or 1m30s")
    return sum(float(n) * _SECONDS[unit] for n, unit in _PART.findall(text))


def _refused(field: str, problem: str) -> PlanningError:
    return PlanningError(
        f"{field}: {problem}", reason=Reason.InvalidSpec, remedy=f"correct {field}"
    )
