"""Conditions, phases and reasons: what a service is told about itself, everywhere."""

from inferry.status._conditions import Condition, ConditionStatus, Phase, phase
from inferry.status._observed import (
    ObservedIngress,
    ObservedRevision,
    conditions,
)
from inferry.status._reasons import FATAL, MEANINGS, REMEDIES, Reason, remedy
from inferry.status._termination import (
    SERVER_EXITS,
    STORAGE_EXITS,
    Termination,
    exit_code,
    read_termination,
    write_termination,
)

__all__ = [
    "FATAL",
    "MEANINGS",
    "REMEDIES",
    "SERVER_EXITS",
    "STORAGE_EXITS",
    "Condition",
    "ConditionStatus",
    "ObservedIngress",
    "ObservedRevision",
    "Phase",
    "Reason",
    "Termination",
    "conditions",
    "exit_code",
    "phase",
    "read_termination",
    "remedy",
    "write_termination",
]
