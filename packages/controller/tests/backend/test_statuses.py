"""What commands read of a service's status, whoever wrote it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from inferry_controller.backend._statuses import service_status

BORN = "2026-11-21T20:00:00Z"
NOW = datetime(2026, 11, 21, 20, 1, 15, tzinfo=UTC)


def service(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "iris",
            "namespace": "team",
            "generation": 2,
            "creationTimestamp": BORN,
        },
        "spec": {"predictor": {}},
        "status": status,
    }


def test_our_status_is_read_whole() -> None:
    found = service_status(
        service(
            phase="Failed",
            reason="ModelCorrupt",
            message="cut off",
            remedy="save it again",
            url="http://iris",
            clusterServingRuntimeName="acme",
            model="flowers",
            observedGeneration=1,
            unhonoured=["spec.x: no"],
            conditions=[{"type": "Ready", "status": "False", "reason": "ModelCorrupt"}],
            revisions=[
                {"name": "a", "phase": "Ready", "percent": 100, "reason": "x"},
                {"name": "b", "phase": "Failed", "message": "cut off"},
            ],
        ),
        now=NOW,
    )
    assert (found.phase, found.reason, found.remedy) == (
        "Failed",
        "ModelCorrupt",
        "save it again",
    )
    assert (found.runtime, found.model, found.url) == ("acme", "flowers", "http://iris")
    assert (found.generation, found.observed_generation) == (2, 1)
    assert found.age_seconds == 75
    assert found.unhonoured == ("spec.x: no",)
    assert [(r.name, r.phase, r.percent) for r in found.revisions] == [
        ("a", "Ready", 100),
        ("b", "Failed", 0),
    ]


def test_that_of_kserves_controller_is_read_too() -> None:
    traffic = [{"revisionName": "iris-predictor-00002", "percent": 100}]
    found = service_status(
        service(
            conditions=[
                {"type": "Ready", "status": "False", "reason": "X", "message": "no"},
                {"type": "PredictorReady", "status": "True"},
            ],
            components={"predictor": {"traffic": traffic}},
            servingRuntimeName="acme",
        ),
        now=NOW,
    )
    assert (found.phase, found.reason, found.message) == ("Pending", "X", "no")
    assert found.runtime == "acme"
    assert found.revisions[0].name == "iris-predictor-00002"


def test_one_that_nobody_has_looked_at_says_so() -> None:
    found = service_status(service(), now=NOW)
    assert (found.phase, found.reason) == ("Pending", "Pending")
    assert found.message == "no controller has looked at it"
    assert "kubectl get pods -n inferry" in found.remedy
    at_once = service_status(service(), now=datetime.fromisoformat(BORN))
    assert at_once.remedy == ""


def test_nonsense_in_a_status_breaks_nothing() -> None:
    found = service_status(
        service(phase="Whatever", conditions="none", revisions=[1]), now=NOW
    )
    assert (found.phase, found.conditions, found.revisions) == ("Pending", (), ())
