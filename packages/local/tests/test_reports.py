"""Text and JSON: one line per change."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from inferry.backends import Applied, RevisionStatus
from inferry_local.reports import JsonReporter, TextReporter

if TYPE_CHECKING:
    from collections.abc import Callable

DELETED = Applied(
    kind="InferenceService", namespace="default", name="iris", action="deleted"
)


def test_text_tells_a_state_once(make_status: Callable[..., Any]) -> None:
    stream = io.StringIO()
    reporter = TextReporter(stream)

    for progress in (0.1, 0.2):
        revision = RevisionStatus(name="abc", phase="Loading", progress=progress)
        reporter.status(
            make_status(
                "iris", phase="Loading", reason="Downloading", revisions=(revision,)
            )
        )
    reporter.status(make_status("iris"))

    assert stream.getvalue().splitlines() == [
        "iris: Loading (Downloading)",
        "iris: Ready at http://127.0.0.1:8080/serving/default/iris (onnx)",
    ]


def test_text_tells_each_tenth_of_what_is_fetched(
    make_status: Callable[..., Any],
) -> None:
    stream = io.StringIO()
    reporter = TextReporter(stream)

    for progress in (None, 0.0, 0.11, 0.19, 0.52, 1.0):
        revision = RevisionStatus(name="abc", phase="Loading", progress=progress)
        reporter.status(
            make_status(
                "iris",
                phase="Loading",
                reason="Downloading",
                message=f"{progress} of it",
                revisions=(revision,),
            )
        )

    assert stream.getvalue().splitlines() == [
        "iris: Loading (Downloading)",
        "  0.11 of it",
        "  0.52 of it",
    ]


def test_text_tells_a_state_again_after_deletion(
    make_status: Callable[..., Any],
) -> None:
    stream = io.StringIO()
    reporter = TextReporter(stream)

    reporter.status(make_status("iris"))
    reporter.applied([DELETED])
    reporter.status(make_status("iris"))

    assert len(stream.getvalue().splitlines()) == 3


def test_text_says_what_failed_and_what_to_do(make_status: Callable[..., Any]) -> None:
    stream = io.StringIO()

    TextReporter(stream).status(
        make_status(
            "iris",
            "team",
            phase="Failed",
            reason="ModelCorrupt",
            message="model.onnx is cut off",
            remedy="save it again",
        )
    )

    assert stream.getvalue() == (
        "team/iris: Failed (ModelCorrupt): model.onnx is cut off\n  save it again\n"
    )


def test_text_says_that_a_new_revision_failed_while_the_old_one_serves(
    make_status: Callable[..., Any],
) -> None:
    stream = io.StringIO()
    failed = RevisionStatus(name="def", phase="Failed", message="it is cut off")

    TextReporter(stream).status(make_status("iris", revisions=(failed,)))

    assert stream.getvalue().endswith("\n  revision def failed: it is cut off\n")


def test_text_names_what_has_no_namespace_by_its_name_alone() -> None:
    stream = io.StringIO()
    runtime = Applied(
        kind="ClusterServingRuntime", namespace="", name="wine", action="created"
    )

    TextReporter(stream).applied([runtime, DELETED])

    assert stream.getvalue().splitlines() == [
        "ClusterServingRuntime wine created",
        "InferenceService default/iris deleted",
    ]


def test_text_says_that_a_broken_edit_changes_nothing() -> None:
    stream = io.StringIO()

    TextReporter(stream).problems(["service.yaml:3:1: error: spec: missing"])

    assert stream.getvalue() == (
        "service.yaml:3:1: error: spec: missing\n"
        "the edit is not applied; what was served goes on\n"
    )


def test_json_is_an_event_per_line(make_status: Callable[..., Any]) -> None:
    stream = io.StringIO()
    reporter = JsonReporter(stream)

    reporter.starting("Starting")
    reporter.started("http://127.0.0.1:8080")
    reporter.status(make_status("iris"))
    reporter.example(make_status("iris"), "curl x")
    reporter.applied([DELETED])
    reporter.problems(["bad"])
    reporter.note("hello")
    reporter.close()

    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [event["event"] for event in events] == [
        "starting", "started", "status", "example", "applied", "problems", "note",
        "stopped",
    ]  # fmt: skip
    assert events[1]["url"] == "http://127.0.0.1:8080"
    assert events[2]["service"]["phase"] == "Ready"
    assert events[4]["action"] == "deleted"
