from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.status import (
    Condition,
    ObservedIngress,
    ObservedRevision,
    Phase,
    Reason,
    conditions,
    phase,
    remedy,
)

READY = ObservedRevision(name="a", phase="Ready", ready=1)
BROKEN = ObservedRevision(
    name="b", phase="Failed", reason="ModelCorrupt", message="m.onnx cannot be read"
)


def by_type(found: tuple[Condition, ...]) -> dict[str, Condition]:
    return {each.type: each for each in found}


def test_a_service_that_answers_is_ready() -> None:
    found = conditions([READY], serving="a")
    assert {each.type: each.status for each in found} == {
        "PredictorReady": "True",
        "IngressReady": "True",
        "LatestRevisionReady": "True",
        "Ready": "True",
        "Stopped": "False",
    }
    assert phase(found) == "Ready"


def test_an_old_revision_that_answers_keeps_the_service_ready() -> None:
    found = conditions([READY, BROKEN], serving="a")
    latest = by_type(found)["LatestRevisionReady"]
    assert phase(found) == "Ready"
    assert (latest.status, latest.reason, latest.severity) == (
        "False",
        "ModelCorrupt",
        "Info",
    )
    assert latest.message == (
        "m.onnx cannot be read; save the model again: the file cannot be read"
    )


def test_the_only_revision_that_fails_fails_the_service() -> None:
    found = conditions([BROKEN])
    assert phase(found) == "Failed"
    assert by_type(found)["Ready"].reason == "ModelCorrupt"


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        (ObservedRevision(name="a", phase="Loading"), "Loading"),
        (ObservedRevision(name="a", phase="Loading", reason="Downloading"), "Loading"),
        (ObservedRevision(name="a", phase="Pending"), "Pending"),
        (ObservedRevision(name="a", phase="Failed"), "Failed"),
    ],
)
def test_the_phase_of_the_only_revision_is_the_services(
    revision: ObservedRevision, expected: Phase
) -> None:
    assert phase(conditions([revision])) == expected


def test_nothing_observed_is_pending() -> None:
    assert phase(conditions([])) == "Pending"


def test_the_newest_may_be_named() -> None:
    found = conditions([BROKEN, READY], serving="a", latest="b")
    assert by_type(found)["LatestRevisionReady"].status == "False"


def test_a_stopped_service_says_how_to_start_it() -> None:
    found = conditions([READY], serving="a", stopped=True)
    assert phase(found) == "Stopped"
    assert "serving.kserve.io/stop" in by_type(found)["Ready"].message


def test_a_service_that_nothing_reaches_is_not_ready() -> None:
    ingress = ObservedIngress(
        ready=False, reason="RuntimeUnhealthy", message="port 8080 is taken"
    )
    found = by_type(conditions([READY], serving="a", ingress=ingress))
    assert found["PredictorReady"].status == "True"
    assert (found["Ready"].status, found["Ready"].reason) == (
        "False",
        "RuntimeUnhealthy",
    )


def test_a_condition_that_stays_keeps_its_time() -> None:
    first = conditions([READY], serving="a", now="2030-01-01T00:00:00Z")
    second = conditions(
        [READY, BROKEN], serving="a", previous=first, now="2030-01-02T00:00:00Z"
    )
    times = {each.type: each.last_transition_time[:10] for each in second}
    assert times["Ready"] == "2030-01-01"
    assert times["LatestRevisionReady"] == "2030-01-02"


REVISIONS = st.lists(
    st.builds(
        ObservedRevision,
        name=st.sampled_from(["a", "b", "c"]),
        phase=st.sampled_from(get_args(Phase)),
        reason=st.sampled_from(["", *map(str, Reason)]),
    ),
    max_size=3,
    unique_by=lambda revision: revision.name,
)


@given(REVISIONS, st.sampled_from(["", "a", "b"]))
def test_ready_only_while_the_serving_revision_is(
    revisions: list[ObservedRevision], serving: str
) -> None:
    found = conditions(revisions, serving=serving)
    if phase(found) == "Ready":
        named = [each for each in revisions if each.name == serving]
        answering = (named or revisions[-1:])[0]
        assert answering.phase == "Ready"


@given(REVISIONS)
def test_what_is_false_has_a_reason_and_says_what_to_do(
    revisions: list[ObservedRevision],
) -> None:
    for each in conditions(revisions):
        if each.status == "False" and each.type != "Stopped":
            assert remedy(each.reason) in each.message


def test_the_conditions_are_the_same_for_equal_facts() -> None:
    facts: dict[str, Any] = {"serving": "a", "now": "x"}
    assert conditions([READY, BROKEN], **facts) == conditions([READY, BROKEN], **facts)


def test_components_have_conditions_of_their_own_and_gate_ready() -> None:
    ready = ObservedRevision(name="a", phase="Ready")
    loading = ObservedRevision(name="a", phase="Loading")
    found = {
        each.type: each.status
        for each in conditions(
            [ready],
            serving="a",
            components={"predictor": ready, "transformer": loading},
        )
    }
    assert (found["PredictorReady"], found["TransformerReady"]) == ("True", "Unknown")
    assert found["Ready"] == "Unknown"


def test_named_canaries_have_a_condition_that_ready_does_not_depend_on() -> None:
    ready = ObservedRevision(name="a", phase="Ready")
    failed = ObservedRevision(name="b", phase="Failed", reason="ModelCorrupt")
    for canary, told in (
        (ready, ("True", "AllCanariesReady")),
        (failed, ("False", "CanariesNotReady")),
    ):
        found = {
            each.type: each
            for each in conditions(
                [ready, canary], serving="a", latest="a", canaries=[canary]
            )
        }
        condition = found["CanaryPredictorReady"]
        assert (condition.status, condition.reason) == told
        assert condition.severity == "Info"
        assert found["Ready"].status == "True"


def test_a_document_that_cannot_take_effect_leaves_what_answers_ready() -> None:
    ready = ObservedRevision(name="a", phase="Ready")
    problem = ObservedRevision(
        name="b", phase="Failed", reason="InvalidSpec", message="no", remedy="do so"
    )
    found = {
        each.type: each for each in conditions([ready], serving="a", problem=problem)
    }
    assert found["Ready"].status == "True"
    assert found["LatestRevisionReady"].message == "no; do so"
