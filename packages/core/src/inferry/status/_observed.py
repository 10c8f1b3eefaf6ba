"""Conditions from observed facts: the same function on a laptop and on a cluster."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from inferry.status._conditions import Condition, ConditionStatus, Phase
from inferry.status._reasons import FATAL, IN_PROGRESS, Reason, remedy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_REASON_OF_PHASE = {
    "Pending": Reason.Pending,
    "Loading": Reason.Loading,
    "Failed": Reason.ModelLoadFailed,
    "Stopped": Reason.Stopped,
}


class ObservedRevision(msgspec.Struct, frozen=True, kw_only=True):
    """What a backend saw of one revision; ``ready`` is the number of ready replicas.

    ``reason`` is one of `Reason`; without one it follows from ``phase``. ``remedy`` is
    better than that of the reason, if there is one.
    """

    name: str
    phase: Phase
    reason: str = ""
    message: str = ""
    remedy: str = ""
    ready: int = 0


class ObservedIngress(msgspec.Struct, frozen=True, kw_only=True):
    """Whether requests from outside reach the service's revisions."""

    ready: bool = True
    reason: str = ""
    message: str = ""
    remedy: str = ""


REACHABLE = ObservedIngress()
_NOTHING: Mapping[str, ObservedRevision] = MappingProxyType({})
#: Their conditions, in the order in which they are listed.
_PARTS = {
    "predictor": "PredictorReady",
    "transformer": "TransformerReady",
    "explainer": "ExplainerReady",
}


def conditions(
    revisions: Sequence[ObservedRevision],
    *,
    serving: str = "",
    latest: str = "",
    ingress: ObservedIngress = REACHABLE,
    components: Mapping[str, ObservedRevision] = _NOTHING,
    canaries: Sequence[ObservedRevision] = (),
    problem: ObservedRevision | None = None,
    stopped: bool = False,
    previous: Iterable[Condition] = (),
    now: str = "",
) -> tuple[Condition, ...]:
    """Return the conditions of a service from what was observed; pure.

    A service whose newest revision fails while an older one answers stays Ready; only
    ``LatestRevisionReady`` says what is wrong with the newest, and what to do.

    Args:
        revisions: All that run or should, oldest first.
        serving: The revision that gets the traffic, empty while none does.
        latest: The newest revision; empty: the last of *revisions*.
        ingress: Whether requests from outside arrive.
        components: What answers requests, by ``predictor``, ``transformer`` and
            ``explainer``, where they are told apart; without them the revision counts.
        canaries: The named canaries, which Ready does not depend on.
        problem: What keeps the newest document from taking effect, if something does.
        stopped: Whether the stop annotation is set.
        previous: The conditions before; one that has not changed keeps its time.
        now: The time of a change, as Kubernetes writes it.

    """
    by_name = {revision.name: revision for revision in revisions}
    newest = by_name.get(latest) or (revisions[-1] if revisions else None)
    newest = problem or newest
    observed = by_name.get(serving) or newest
    found = (
        _stopped()
        if stopped
        else [
            *_parts(components, observed),
            _of_ingress(ingress),
            _of_revision("LatestRevisionReady", newest, info=newest != observed),
            *_of_canaries(canaries),
        ]
    )
    if not stopped:
        found += [_ready(found), _condition("Stopped", "False", info=True)]
    before = {condition.type: condition for condition in previous}
    return tuple(_timed(each, before.get(each.type), now) for each in found)


def _stopped() -> list[Condition]:
    why = f"the service is stopped; {remedy(Reason.Stopped)}"
    return [
        _condition("PredictorReady", "False", Reason.Stopped, why),
        _condition("IngressReady", "False", Reason.Stopped, why),
        _condition("Ready", "False", Reason.Stopped, why),
        _condition("Stopped", "True", Reason.Stopped, why, info=True),
    ]


def _parts(
    components: Mapping[str, ObservedRevision], observed: ObservedRevision | None
) -> list[Condition]:
    if not components:
        return [_of_revision("PredictorReady", observed)]
    return [
        _of_revision(kind, components[name])
        for name, kind in _PARTS.items()
        if name in components
    ]


def _of_canaries(canaries: Sequence[ObservedRevision]) -> list[Condition]:
    """Return KServe's condition of named canaries, if there is one."""
    if not canaries:
        return []
    kind = "CanaryPredictorReady"
    waiting = [each for each in canaries if each.phase != "Ready"]
    if not waiting:
        return [_condition(kind, "True", "AllCanariesReady", info=True)]
    first = _of_revision(kind, waiting[0], info=True)
    return [
        _condition(kind, first.status, "CanariesNotReady", first.message, info=True)
    ]


def _of_revision(
    kind: str, revision: ObservedRevision | None, *, info: bool = False
) -> Condition:
    if revision is None:
        return _condition(kind, "Unknown", Reason.Pending, info=info)
    if revision.phase == "Ready":
        return _condition(kind, "True", info=info)
    reason = revision.reason or _REASON_OF_PHASE[revision.phase]
    waiting = reason in IN_PROGRESS and revision.phase != "Failed"
    status: ConditionStatus = "Unknown" if waiting else "False"
    message = _with_remedy(
        revision.message or f"revision {revision.name}",
        revision.remedy or remedy(reason),
    )
    return _condition(kind, status, reason, message, info=info)


def _of_ingress(ingress: ObservedIngress) -> Condition:
    if ingress.ready:
        return _condition("IngressReady", "True")
    reason = ingress.reason or Reason.Pending
    status: ConditionStatus = "False" if reason in FATAL else "Unknown"
    message = _with_remedy(ingress.message, ingress.remedy or remedy(reason))
    return _condition("IngressReady", status, reason, message)


def _ready(parts: Iterable[Condition]) -> Condition:
    """Join what counts as Knative does: False wins over Unknown, Unknown over True."""
    counting = [
        each
        for each in parts
        if each.type in _PARTS.values() or each.type == "IngressReady"
    ]
    for status in ("False", "Unknown"):
        for part in counting:
            if part.status == status:
                return _condition("Ready", part.status, part.reason, part.message)
    return _condition("Ready", "True")


def _with_remedy(message: str, line: str) -> str:
    if not line or line in message:
        return message
    return f"{message.rstrip('.')}; {line}" if message else line


def _condition(
    kind: str,
    status: ConditionStatus,
    reason: str = "",
    message: str = "",
    *,
    info: bool = False,
) -> Condition:
    return Condition(
        type=kind,
        status=status,
        reason=str(reason),
        message=message,
        severity="Info" if info else "",
    )


def _timed(condition: Condition, before: Condition | None, now: str) -> Condition:
    since = now
    if before is not None and before.status == condition.status:
        since = before.last_transition_time or now
    return msgspec.structs.replace(condition, last_transition_time=since)
