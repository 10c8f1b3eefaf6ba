"""KServe's ``status.modelStatus``: which model is loaded, and what failed last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.status import ObservedRevision
    from inferry_controller.observing.components import ComponentState

#: The reasons that KServe's own clients know, beside ModelLoadFailed for the rest.
_KNOWN = frozenset(
    {
        Reason.NoSupportingRuntime,
        Reason.RuntimeNotRecognized,
        Reason.RuntimeDisabled,
        Reason.RuntimeUnhealthy,
    }
)
_OF_THE_SPEC = frozenset(
    {
        Reason.InvalidSpec,
        Reason.AmbiguousRuntime,
        Reason.NotSupportedByBackend,
        Reason.StorageNotSupported,
        Reason.NoSupportingRuntime,
        Reason.RuntimeNotRecognized,
        Reason.RuntimeDisabled,
    }
)
_OF_THE_MODEL = ("Storage", "Model", "WarmUp", "OutOfMemory", "LoadTimeout")
_STATES = {
    "Ready": "Loaded",
    "Failed": "FailedToLoad",
    "Loading": "Loading",
    "Pending": "Pending",
    "Stopped": "Standby",
}


def model_status(
    newest: ObservedRevision,
    state: ComponentState | None,
    *,
    serving: bool,
    previous: Mapping[str, Any],
    now: str,
) -> dict[str, Any]:
    """Return the status of the model of the revision *newest*.

    Args:
        newest: The newest revision.
        state: Its predictor, if there is one.
        serving: Whether any revision answers.
        previous: The ``modelStatus`` before; a failure that is the same keeps its time.
        now: The time of a new failure.

    """
    target = _STATES[newest.phase]
    told: dict[str, Any] = {
        "states": {
            "activeModelState": "Loaded" if serving else target,
            "targetModelState": target,
        },
        "transitionStatus": _transition(newest),
        "copies": {
            "failedCopies": state.failed if state else 0,
            "totalCopies": state.ready if state else 0,
        },
    }
    if newest.phase == "Failed":
        told["lastFailureInfo"] = _failure(newest, state, previous, now)
    return told


def _transition(newest: ObservedRevision) -> str:
    if newest.phase == "Ready":
        return "UpToDate"
    if newest.phase != "Failed":
        return "InProgress"
    return "InvalidSpec" if newest.reason in _OF_THE_SPEC else "BlockedByFailedLoad"


def _failure(
    newest: ObservedRevision,
    state: ComponentState | None,
    previous: Mapping[str, Any],
    now: str,
) -> dict[str, Any]:
    failure: dict[str, Any] = {
        "reason": _kserve_reason(newest.reason),
        "message": newest.message,
        "modelRevisionName": newest.name,
    }
    if state is not None and state.reason == newest.reason:
        if state.location:
            failure["location"] = state.location
        if state.exit_code:
            failure["exitCode"] = state.exit_code
    before = dict(previous.get("lastFailureInfo") or {})
    time = before.pop("time", now)
    return {**failure, "time": time if before == failure else now}


def _kserve_reason(reason: str) -> str:
    if reason in _KNOWN:
        return reason
    if reason in _OF_THE_SPEC:
        return "InvalidPredictorSpec"
    if reason.startswith(_OF_THE_MODEL):
        return "ModelLoadFailed"
    return "RuntimeUnhealthy"
