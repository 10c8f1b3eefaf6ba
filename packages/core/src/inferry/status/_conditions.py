"""Conditions as Kubernetes writes them, and the phase that follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from inferry.status._reasons import FATAL

if TYPE_CHECKING:
    from collections.abc import Iterable

ConditionStatus = Literal["True", "False", "Unknown"]
Phase = Literal["Pending", "Loading", "Ready", "Failed", "Stopped"]


class Condition(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One condition; ``reason`` is one of `Reason`, or empty when all is well."""

    type: str
    status: ConditionStatus = "Unknown"
    reason: str = ""
    message: str = ""
    severity: str = ""
    last_transition_time: str = ""


def phase(conditions: Iterable[Condition]) -> Phase:
    """Derive the phase of a service from its conditions.

    Stopped wins; Ready needs the condition Ready to be True; a blocking condition that
    is False for a reason that waiting does not cure is Failed; a model that is being
    fetched or loaded is Loading; everything else is Pending.
    """
    by_type = {condition.type: condition for condition in conditions}
    stopped = by_type.get("Stopped")
    if stopped is not None and stopped.status == "True":
        return "Stopped"
    ready = by_type.get("Ready")
    if ready is not None and ready.status == "True":
        return "Ready"
    blocking = [c for c in by_type.values() if c.severity != "Info"]
    if any(c.status == "False" and c.reason in FATAL for c in blocking):
        return "Failed"
    if any(c.reason in {"Downloading", "Loading", "WarmingUp"} for c in blocking):
        return "Loading"
    return "Pending"
