"""Conditions, phases and reasons: what a service is told about itself, everywhere."""

from inferry.status._conditions import Condition, ConditionStatus, Phase, phase
from inferry.status._reasons import REMEDIES, Reason, remedy

__all__ = [
    "REMEDIES",
    "Condition",
    "ConditionStatus",
    "Phase",
    "Reason",
    "phase",
    "remedy",
]
