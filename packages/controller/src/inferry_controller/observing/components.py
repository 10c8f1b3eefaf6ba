"""`component_state`: how far one component of one revision is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from inferry.status import FATAL, Phase, Reason
from inferry_controller.names import app_label
from inferry_controller.observing.diagnosis import diagnose
from inferry_controller.observing.facts import (
    KNATIVE,
    DeploymentFact,
    Facts,
    PodFact,
)
from inferry_controller.observing.refusals import of_admission
from inferry_controller.observing.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LOADING = frozenset({Reason.Downloading, Reason.Loading, Reason.WarmingUp})
#: The further on its way, the more it says about when the service will be ready.
_STAGES = (Reason.WarmingUp, Reason.Loading, Reason.Downloading)
_OVERDUE = "ProgressDeadlineExceeded"
#: A pod that ended this long before its successor was made says nothing any more.
_STALE = 60


class ComponentState(msgspec.Struct, frozen=True, kw_only=True):
    """One component of one revision.

    ``name`` is that of its Deployment, ``wanted`` and ``ready`` count its replicas and
    ``failed`` those of them that will not become ready by waiting. ``older`` are ready
    pods of other revisions behind the same Service. ``location`` is the container that
    ``reason`` is about, ``exit_code`` how that ended.
    """

    name: str
    component: str
    revision: str
    phase: Phase = "Pending"
    reason: str = ""
    message: str = ""
    remedy: str = ""
    wanted: int = 0
    ready: int = 0
    failed: int = 0
    older: tuple[str, ...] = ()
    location: str = ""
    exit_code: int = 0
    progress: float | None = None


def component_state(
    name: str, component: str, revision: str, facts: Facts
) -> ComponentState:
    """Return how far *component* of *revision* is, whose Deployment is *name*."""
    found = next((each for each in facts.deployments if each.name == name), None)
    pods = [
        each
        for each in facts.pods
        if each.component == component and each.revision == revision and not each.ending
    ]
    ready = _ready(found, pods)
    troubles = [(pod, diagnose(pod, facts.events)) for pod in _current(pods)]
    blocked = sum(1 for _, trouble in troubles if trouble and trouble.blocks)
    state = ComponentState(
        name=name,
        component=component,
        revision=revision,
        wanted=found.wanted if found else 0,
        ready=ready,
        failed=blocked,
        older=_older(found, revision, component, facts.pods),
        progress=_progress(pods, facts),
    )
    if ready or _knative_ready(found):
        return msgspec.structs.replace(state, phase="Ready")
    trouble = _trouble(found, troubles)
    return msgspec.structs.replace(
        state,
        phase=phase_of(trouble.reason),
        reason=trouble.reason,
        message=_at(state, trouble.message),
        remedy=trouble.remedy,
        location=trouble.container,
        exit_code=trouble.exit_code,
    )


def phase_of(reason: str) -> Phase:
    """Return the phase of what is not ready for *reason*."""
    if reason in FATAL:
        return "Failed"
    return "Loading" if reason in _LOADING else "Pending"


def _ready(found: DeploymentFact | None, pods: Sequence[PodFact]) -> int:
    """Count ready replicas of the revision, of the pods or as the Deployment does.

    The Deployment may be known before its pods are; while it rolls, it counts those of
    the old revision too.
    """
    counted = sum(pod.ready for pod in pods)
    if counted or found is None or pods or found.kind == KNATIVE:
        return counted
    rolled = found.updated == found.replicas
    current = found.observed_generation >= found.generation
    return found.ready if rolled and current else 0


def _knative_ready(found: DeploymentFact | None) -> bool:
    """Say whether Knative answers: at zero its activator holds what comes."""
    return (
        found is not None
        and found.kind == KNATIVE
        and found.observed_generation >= found.generation
        and any(c.type == "Ready" and c.status == "True" for c in found.conditions)
    )


def _older(
    found: DeploymentFact | None,
    revision: str,
    component: str,
    pods: Iterable[PodFact],
) -> tuple[str, ...]:
    """Return the revisions that an edit in place is replacing, most pods first."""
    if found is None:
        return ()
    app = app_label(found.name)
    counts = Counter(
        pod.revision
        for pod in pods
        if pod.ready
        and not pod.ending
        and pod.component == component
        and pod.app == app
        and pod.revision != revision
    )
    return tuple(name for name, _ in counts.most_common())


def _current(pods: Sequence[PodFact]) -> list[PodFact]:
    """Leave out what ended before its successor was made, which is history."""
    alive = [pod for pod in pods if pod.phase not in {"Failed", "Succeeded"}]
    born = max((pod.created for pod in alive), default="")
    return [
        pod
        for pod in pods
        if pod.phase != "Succeeded"
        and (pod.phase != "Failed" or not born or _seconds(pod.ended, born) < _STALE)
    ]


def _seconds(earlier: str, later: str) -> float:
    from datetime import datetime

    try:
        difference = datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
    except ValueError:
        return 0.0
    return difference.total_seconds()


def _trouble(
    found: DeploymentFact | None, troubles: Sequence[tuple[PodFact, Trouble | None]]
) -> Trouble:
    """Choose what to tell: what blocks first, then what most pods have."""
    present = [(pod, trouble) for pod, trouble in troubles if trouble is not None]
    blocking = [each for each in present if each[1].blocks]
    if blocking:
        # One that lives tells more than one that is gone.
        counts = Counter(trouble.reason for _, trouble in blocking)
        return min(
            blocking,
            key=lambda e: (e[0].phase == "Failed", -counts[e[1].reason], e[0].name),
        )[1]
    refused = _of_deployment(found, present)
    if refused is not None:
        return refused
    if present:
        return min(present, key=lambda each: (_stage(each[1].reason), each[0].name))[1]
    return _nothing_yet(found)


def _stage(reason: str) -> int:
    return next((n for n, each in enumerate(_STAGES) if each == reason), len(_STAGES))


def _of_deployment(
    found: DeploymentFact | None, present: Sequence[tuple[PodFact, Trouble]]
) -> Trouble | None:
    if found is None:
        return None
    for condition in found.conditions:
        if condition.type == "ReplicaFailure" and condition.status == "True":
            return of_admission(condition.message)
    stuck = next((t for _, t in present if t.reason == Reason.Loading), None)
    if stuck is not None and any(c.reason == _OVERDUE for c in found.conditions):
        return msgspec.structs.replace(
            stuck,
            reason=str(Reason.NotAnswering),
            message=f"container {stuck.container} runs, and did not answer its probe "
            "within the progress deadline",
        )
    return None


def _nothing_yet(found: DeploymentFact | None) -> Trouble:
    if found is None:
        return _pending("its Deployment is being made")
    if found.kind == KNATIVE:
        return _of_knative(found)
    if not found.wanted:
        return _pending("it is scaled to zero, and nothing holds requests meanwhile")
    return _pending("its pods are being made")


def _of_knative(found: DeploymentFact) -> Trouble:
    said = next((c for c in found.conditions if c.type == "Ready"), None)
    if said is None or said.status != "False":
        return _pending("Knative has not made it ready yet")
    return Trouble(reason=Reason.RuntimeUnhealthy, message=f"Knative: {said.message}")


def _pending(message: str) -> Trouble:
    return Trouble(reason=Reason.Pending, message=message)


def _at(state: ComponentState, message: str) -> str:
    """Say of which component *message* is, where it is not of the predictor."""
    if state.component == "predictor":
        return message
    return f"{state.component}: {message}"


def _progress(pods: Iterable[PodFact], facts: Facts) -> float | None:
    shares = [facts.progress[pod.name] for pod in pods if pod.name in facts.progress]
    return min(shares, default=None)
