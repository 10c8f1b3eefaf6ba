from __future__ import annotations

from typing import Any

import pytest

from inferry.status import Condition, phase


def condition(kind: str, status: Any, reason: str = "", **more: str) -> Condition:
    return Condition(type=kind, status=status, reason=reason, **more)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], "Pending"),
        ([condition("Ready", "True")], "Ready"),
        ([condition("Ready", "Unknown", "Pending")], "Pending"),
        ([condition("PredictorReady", "Unknown", "Downloading")], "Loading"),
        ([condition("PredictorReady", "Unknown", "Loading")], "Loading"),
        ([condition("PredictorReady", "Unknown", "WarmingUp")], "Loading"),
        ([condition("PredictorReady", "False", "ModelCorrupt")], "Failed"),
        ([condition("PredictorReady", "False", "Pending")], "Pending"),
        ([condition("PredictorReady", "Unknown", "ModelCorrupt")], "Pending"),
        (
            [
                condition("Ready", "True"),
                condition(
                    "LatestRevisionReady", "False", "ModelCorrupt", severity="Info"
                ),
            ],
            "Ready",
        ),
        (
            [
                condition("Ready", "Unknown", "Pending"),
                condition("Other", "False", "ModelCorrupt", severity="Info"),
            ],
            "Pending",
        ),
        ([condition("Ready", "True"), condition("Stopped", "True")], "Stopped"),
        ([condition("Ready", "True"), condition("Stopped", "False")], "Ready"),
    ],
)
def test_the_phase_follows_from_the_conditions(
    conditions: list[Condition], expected: str
) -> None:
    assert phase(conditions) == expected
