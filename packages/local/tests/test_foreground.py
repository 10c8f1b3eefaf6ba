"""One run, from start to stop, with a supervisor that is not Ray's."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from inferry.backends import RevisionStatus
from inferry.errors import BackendError
from inferry_local._instances import instances
from inferry_local.backend import LocalBackend
from inferry_local.foreground import Run
from inferry_local.watch import Targets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


class Recorder:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.news = asyncio.Condition()

    def __getattr__(self, name: str) -> Any:
        def record(*values: Any) -> None:
            self.events.append((name, values[0] if len(values) == 1 else values))

        return record

    def of(self, name: str) -> list[Any]:
        return [value for event, value in self.events if event == name]

    async def wait(self, name: str, count: int = 1) -> Any:
        """Wait until so many events of the name have come; return the last."""
        async with asyncio.timeout(5):
            while len(self.of(name)) < count:  # noqa: ASYNC110 - events come by calls
                await asyncio.sleep(0.01)
        return self.of(name)[-1]


class Running:
    """A run in the background."""

    def __init__(self, supervisor: Any, targets: Targets, **options: bool) -> None:
        self.supervisor = supervisor
        self.recorder = Recorder()
        self.run = Run(supervisor, self.recorder, targets, **options)
        self.task = asyncio.create_task(self.run.run(targets.read()))

    async def end(self) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        async with asyncio.timeout(5):
            return await self.task


@pytest.fixture
async def start(
    supervisor: Any, runtime_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Running]]:
    monkeypatch.setattr(
        "inferry_local.foreground.example", lambda url, model: f"curl {url} {model}"
    )
    made: list[Running] = []

    def begin(targets: Targets, **options: bool) -> Running:
        made.append(Running(supervisor, targets, **options))
        return made[-1]

    yield begin
    for running in made:
        if not running.task.done():
            await running.end()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(number)


async def test_a_run_starts_applies_and_reports(
    start: Callable[..., Running], write_service: Callable[..., Path]
) -> None:
    running = start(Targets(paths=(write_service("iris"),)))

    service, command = await running.recorder.wait("example")
    (applied,) = await running.recorder.wait("applied")

    assert running.recorder.of("started") == ["http://127.0.0.1:18080"]
    assert service.name == "iris"
    assert command == "curl http://127.0.0.1:8080/serving/default/iris iris"
    assert applied.action == "created"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_cleanly(
    start: Callable[..., Running], write_service: Callable[..., Path], number: int
) -> None:
    running = start(Targets(paths=(write_service("iris"),)))
    await running.recorder.wait("example")

    os.kill(os.getpid(), number)
    code = await running.task

    assert code == 0
    assert running.supervisor.calls == ["start", "stop"]
    assert running.recorder.events[-1][0] == "close"
    assert instances() == []


async def test_a_signal_while_it_starts_gives_up_and_stops(
    start: Callable[..., Running], supervisor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferry_local.foreground._START_SECONDS", 0.1)
    supervisor.starting.clear()
    running = start(Targets())
    await running.recorder.wait("starting")

    assert await running.end() == 0
    assert supervisor.calls == ["start", "stop"]


async def test_a_start_that_fails_is_raised_after_stop(
    start: Callable[..., Running], supervisor: Any
) -> None:
    async def fail() -> str:
        msg = "no room"
        raise BackendError(msg)

    supervisor.start = fail
    running = start(Targets())

    with pytest.raises(BackendError, match="no room"):
        await running.task
    assert supervisor.calls == ["stop"]


async def test_a_failed_service_does_not_end_it(
    start: Callable[..., Running], supervisor: Any, make_status: Callable[..., Any]
) -> None:
    running = start(Targets())
    await running.recorder.wait("started")
    await asyncio.sleep(0.05)

    supervisor.tell(make_status("iris", phase="Failed"))
    await running.recorder.wait("status")

    assert not running.task.done()


async def test_exit_when_failed_ends_it_with_1(
    start: Callable[..., Running], supervisor: Any, make_status: Callable[..., Any]
) -> None:
    running = start(Targets(), exit_when_failed=True)
    await running.recorder.wait("started")
    await asyncio.sleep(0.05)

    supervisor.tell(make_status("iris", phase="Failed"))
    async with asyncio.timeout(5):
        assert await running.task == 1


async def test_what_is_not_honoured_is_said_once(
    start: Callable[..., Running], supervisor: Any, make_status: Callable[..., Any]
) -> None:
    running = start(Targets())
    await running.recorder.wait("started")
    await asyncio.sleep(0.05)

    for phase in ("Loading", "Ready"):
        supervisor.tell(make_status("iris", phase=phase, unhonoured=("x: why",)))
    await running.recorder.wait("status", 2)

    assert running.recorder.of("note") == ["iris: not honoured here: x: why"]


async def test_an_edit_is_applied(
    start: Callable[..., Running], write_service: Callable[..., Path], supervisor: Any
) -> None:
    running = start(Targets(paths=(write_service("iris"),)))
    await running.recorder.wait("example")
    await asyncio.sleep(0.3)

    write_service("flowers")
    await running.recorder.wait("applied", 3)

    actions = [(a[0].name, a[0].action) for a in running.recorder.of("applied")]
    assert actions == [("iris", "created"), ("flowers", "created"), ("iris", "deleted")]
    assert list(supervisor.services) == [("default", "flowers")]


async def test_a_broken_edit_is_shown_and_changes_nothing(
    start: Callable[..., Running], write_service: Callable[..., Path], supervisor: Any
) -> None:
    running = start(Targets(paths=(write_service("iris"),)))
    await running.recorder.wait("example")
    await asyncio.sleep(0.3)

    write_service("iris", text="kind: Nothing\n")
    (line, *_) = await running.recorder.wait("problems")

    assert "service.yaml:1" in line
    assert len(running.recorder.of("applied")) == 1
    assert list(supervisor.services) == [("default", "iris")]


async def test_an_edit_that_is_refused_is_shown(
    start: Callable[..., Running], write_service: Callable[..., Path]
) -> None:
    running = start(Targets(paths=(write_service("iris"),)))
    await running.recorder.wait("example")
    await asyncio.sleep(0.3)

    write_service("refused")

    problems = await running.recorder.wait("problems")
    assert problems == ["the supervisor refuses; try another name"]


async def test_without_watching_an_edit_changes_nothing(
    start: Callable[..., Running], write_service: Callable[..., Path]
) -> None:
    running = start(Targets(paths=(write_service("iris"),)), watch=False)
    await running.recorder.wait("example")

    write_service("flowers")
    await asyncio.sleep(0.6)

    assert len(running.recorder.of("applied")) == 1


async def test_what_came_by_the_socket_is_reported_and_survives_edits(
    start: Callable[..., Running],
    write_service: Callable[..., Path],
    supervisor: Any,
    tmp_path: Path,
) -> None:
    running = start(Targets(paths=(write_service("iris"),)))
    await running.recorder.wait("example")
    await asyncio.sleep(0.3)

    await LocalBackend().apply([write_service("other", file="other.yaml")])
    write_service("flowers")
    await running.recorder.wait("applied", 4)

    assert list(supervisor.services) == [("default", "other"), ("default", "flowers")]


async def test_the_command_is_shown_again_after_deletion_only(
    start: Callable[..., Running], supervisor: Any, make_status: Callable[..., Any]
) -> None:
    revision = RevisionStatus(name="def", phase="Ready", percent=100)
    running = start(Targets())
    await running.recorder.wait("started")
    await asyncio.sleep(0.05)

    supervisor.tell(make_status("iris"))
    supervisor.tell(make_status("iris", revisions=(revision,)))
    await running.recorder.wait("status", 2)
    await running.recorder.wait("example")
    await LocalBackend().delete("default", "iris")
    supervisor.tell(make_status("iris"))
    await running.recorder.wait("example", 2)

    assert len(running.recorder.of("example")) == 2


async def test_a_backend_that_cannot_go_on_ends_the_run_with_its_reason(
    supervisor: Any, start: Callable[..., Running]
) -> None:
    running = start(Targets())
    await running.recorder.wait("started")
    supervisor.trouble = "the raylet has ended"
    supervisor.troubled.set()
    async with asyncio.timeout(5):
        with pytest.raises(BackendError, match="the raylet has ended"):
            await running.task
    assert supervisor.calls[-1] == "stop"
