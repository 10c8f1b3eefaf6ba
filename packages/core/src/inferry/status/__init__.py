"""Conditions, phases and reasons: what a service is told about itself, everywhere."""

from inferry.status._conditions import Condition, ConditionStatus, Phase, phase
from inferry.status._observed import (
    ObservedIngress,
    ObservedRevision,
    conditions,
)
from inferry.status._reasons import MEANINGS, REMEDIES, Reason, remedy

__all__ = [
    "MEANINGS",
    "REMEDIES",
    "Condition",
    "ConditionStatus",
    "ObservedIngress",
    "ObservedRevision",
    "Phase",
    "Reason",
    "conditions",
    "phase",
    "remedy",
]
