"""The live view, drawn on a recorded console."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from inferry.backends import Applied, RevisionStatus
from inferry_local.live import LiveReporter

if TYPE_CHECKING:
    from collections.abc import Callable


class Screen:
    """A terminal of 80 columns, and the services that are shown."""

    def __init__(self) -> None:
        self.services: list[Any] = []
        self.console = Console(
            file=io.StringIO(), width=80, force_terminal=True, color_system=None
        )
        self.reporter = LiveReporter(self.console, lambda: self.services)

    def view(self) -> list[str]:
        """Return the lines of the view as it is now."""
        console = Console(file=io.StringIO(), width=80)
        console.print(self.reporter.view())
        text = console.file.getvalue()  # type: ignore[attr-defined]
        return [line.rstrip() for line in text.splitlines()]

    def output(self) -> str:
        return str(self.console.file.getvalue())  # type: ignore[attr-defined]


@pytest.fixture
def screen() -> Screen:
    return Screen()


async def test_before_it_is_started_the_view_says_what_is_being_done(
    screen: Screen,
) -> None:
    screen.reporter.starting("Starting the local backend")
    lines = screen.view()
    screen.reporter.close()

    assert lines[0].endswith("Starting the local backend")


def test_a_ready_service_shows_its_url_runtime_and_replicas(
    screen: Screen, make_status: Callable[..., Any]
) -> None:
    screen.services = [make_status("iris")]
    screen.reporter.started("http://127.0.0.1:8080")

    assert screen.view() == [
        "",
        "inferry at http://127.0.0.1:8080   Ctrl-C stops it",
        "✓  iris  Ready  onnx  1/1 replica",
        "   http://127.0.0.1:8080/serving/default/iris",
    ]


def test_a_download_shows_its_progress(
    screen: Screen, make_status: Callable[..., Any]
) -> None:
    revision = RevisionStatus(name="a", phase="Loading", replicas=1, progress=0.45)
    screen.services = [
        make_status(
            "iris", phase="Loading", reason="Downloading", revisions=(revision,)
        )
    ]
    screen.reporter.started("http://127.0.0.1:8080")

    row = screen.view()[2]
    assert "iris  Loading  Downloading" in row
    assert "━" in row
    assert "45%" in row


def test_a_failed_service_shows_message_and_remedy(
    screen: Screen, make_status: Callable[..., Any]
) -> None:
    screen.services = [
        make_status(
            "iris",
            phase="Failed",
            reason="ModelCorrupt",
            message="model.onnx is cut off",
            remedy="save the model again",
        ),
        make_status("alpha"),
    ]
    screen.reporter.started("http://127.0.0.1:8080")

    lines = screen.view()
    assert lines[2].startswith("✓  alpha")
    assert lines[4:] == [
        "✗  iris  Failed  ModelCorrupt",
        "   model.onnx is cut off",
        "   → save the model again",
    ]


def test_no_services_say_how_to_add_one(screen: Screen) -> None:
    screen.reporter.started("http://127.0.0.1:8080")

    assert "inferry apply service.yaml" in screen.view()[2]


def test_markup_in_a_message_is_text(
    screen: Screen, make_status: Callable[..., Any]
) -> None:
    message = "input [red]x[/red] has [1, 4]"
    screen.services = [make_status("iris", phase="Failed", message=message)]
    screen.reporter.started("http://127.0.0.1:8080")

    assert f"   {message}" in screen.view()


def test_the_command_to_try_is_never_broken_over_lines(
    screen: Screen, make_status: Callable[..., Any]
) -> None:
    command = "curl http://127.0.0.1:8080 -d '" + "x" * 200 + "'"

    screen.reporter.example(make_status("iris"), command)

    assert f"  {command}\n" in screen.output()


async def test_what_was_applied_and_what_is_wrong_scroll_above_the_view(
    screen: Screen, make_status: Callable[..., Any]
) -> None:
    applied = Applied(
        kind="InferenceService", namespace="default", name="iris", action="configured"
    )
    screen.reporter.starting("Starting")
    screen.reporter.started("http://127.0.0.1:8080")
    screen.services = [make_status("iris")]
    screen.reporter.applied([applied])
    screen.reporter.problems(["service.yaml:3:1: error: spec: missing"])
    screen.reporter.note("not honoured here")
    await asyncio.sleep(0.25)
    screen.reporter.close()

    output = screen.output()
    assert "iris configured\n" in output
    assert "service.yaml:3:1: error: spec: missing\n" in output
    assert "not honoured here\n" in output
