"""From an InferenceService of a cluster to the `ServiceStatus` that commands print."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from inferry.api import shown
from inferry.backends import RevisionStatus, ServiceStatus
from inferry.status import Condition, Phase, Reason, phase, remedy

_RUNTIMES = ("servingRuntimeName", "clusterServingRuntimeName")
#: So long a controller may take to look at a service for the first time.
_PATIENCE = 30.0
_UNSEEN = "check that the controller runs: `kubectl get pods -n inferry`"
_NO_ANSWER = "no controller has looked at it"


class _Revision(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    phase: Phase = "Pending"
    percent: int = 0
    replicas: int = 0
    ready: int = 0
    variant: str = ""
    message: str = ""
    progress: float | None = None


def service_status(
    obj: dict[str, Any], *, now: datetime | None = None
) -> ServiceStatus:
    """Return what *obj* says of itself, whichever controller wrote it."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    conditions = _convert(status.get("conditions"), list[Condition], [])
    generation = metadata.get("generation", 0)
    seen = status.get("observedGeneration", 0)
    age = _age(metadata.get("creationTimestamp", ""), now or datetime.now(UTC))
    reason, message, what = _trouble(status, conditions, age)
    return ServiceStatus(
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        phase=_convert(status.get("phase"), Phase, phase(conditions)),
        url=str(status.get("url") or ""),
        reason=reason,
        message=message,
        remedy=what,
        runtime=next((str(status[k]) for k in _RUNTIMES if status.get(k)), ""),
        model=str(status.get("model") or metadata["name"]),
        generation=generation,
        observed_generation=seen,
        age_seconds=age,
        conditions=tuple(conditions),
        revisions=_revisions(status),
        unhonoured=tuple(map(str, status.get("unhonoured") or ())),
        spec=shown(obj.get("spec") or {}),
    )


def _convert(value: object, kind: Any, fallback: Any) -> Any:  # noqa: ANN401 - of a kind
    """Read what a status says; another controller may write other things there."""
    if value is None:
        return fallback
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return fallback


def _trouble(
    status: dict[str, Any], conditions: list[Condition], age: float
) -> tuple[str, str, str]:
    if status.get("reason"):
        reason = str(status["reason"])
        told = str(status.get("remedy") or remedy(reason))
        return reason, str(status.get("message") or ""), told
    if not conditions:
        late = age > _PATIENCE
        return str(Reason.Pending), _NO_ANSWER, _UNSEEN if late else ""
    ready = next((each for each in conditions if each.type == "Ready"), None)
    if ready is None or ready.status == "True":
        return "", "", ""
    return ready.reason, ready.message, remedy(ready.reason)


def _revisions(status: dict[str, Any]) -> tuple[RevisionStatus, ...]:
    ours = _convert(status.get("revisions"), list[_Revision], None)
    if ours is not None:
        return tuple(RevisionStatus(**msgspec.structs.asdict(each)) for each in ours)
    predictor = (status.get("components") or {}).get("predictor") or {}
    traffic = predictor.get("traffic") or ()
    created = predictor.get("latestCreatedRevision") or ""
    return tuple(
        RevisionStatus(
            name=str(each.get("revisionName") or created),
            phase="Ready",
            percent=int(each.get("percent") or 0),
        )
        for each in traffic
    )


def _age(created: str, now: datetime) -> float:
    try:
        return (now - datetime.fromisoformat(created)).total_seconds()
    except ValueError:
        return 0.0
