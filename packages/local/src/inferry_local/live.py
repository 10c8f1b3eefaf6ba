"""The live view of `inferry run`: what each service does now, drawn with rich."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from inferry_local.reports import failed_revisions, title

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console, RenderableType

    from inferry.backends import Applied, ServiceStatus

_STYLES = {"Ready": "green", "Failed": "red", "Stopped": "dim"}
_MARKS = {"Ready": "✓", "Failed": "✗", "Stopped": "○"}
_SECONDS = 0.1
_BAR = 24


class LiveReporter:
    """Keeps a view of all services at the bottom; what is to stay scrolls above it."""

    def __init__(
        self, console: Console, services: Callable[[], Sequence[ServiceStatus]]
    ) -> None:
        self._console = console
        self._services = services
        self._url = ""
        self._spinner = Spinner("dots")
        self._starting = Spinner("dots")
        self._live = Live(
            console=console,
            get_renderable=self.view,
            auto_refresh=False,
            transient=True,
        )
        self._task: asyncio.Task[None] | None = None

    def starting(self, text: str) -> None:
        """Begin to draw."""
        self._starting.update(text=Text(text))
        self._live.start()
        self._task = asyncio.get_running_loop().create_task(self._draw())

    def started(self, url: str) -> None:
        """Show the url from now on."""
        self._url = url

    def status(self, service: ServiceStatus) -> None:
        """Nothing: the view reads the states whenever it is drawn."""

    def example(self, service: ServiceStatus, command: str) -> None:
        """Print the command above the view, unbroken, so that it can be copied."""
        self._print(Text(f"✓ {title(service)} answers. Try it:", style="green"))
        self._print(Text(f"  {command}\n"))

    def applied(self, applied: Sequence[Applied]) -> None:
        """Print a line per document that changed."""
        for one in applied:
            if one.action != "unchanged":
                self._print(Text(f"{one.name} {one.action}", style="dim"))

    def problems(self, lines: Sequence[str]) -> None:
        """Print the problems in red."""
        for line in lines:
            self._print(Text(line, style="red"))
        self._print(Text("The edit is not applied; what was served goes on."))

    def note(self, text: str) -> None:
        """Print above the view."""
        self._print(Text(text, style="yellow"))

    def close(self) -> None:
        """Stop drawing and remove the view."""
        if self._task is not None:
            self._task.cancel()
        self._live.stop()

    def view(self) -> RenderableType:
        """Return the view as it is now."""
        if not self._url:
            return self._starting
        services = sorted(self._services(), key=lambda s: (s.namespace, s.name))
        table = Table.grid(padding=(0, 2, 0, 0))
        for service in services:
            table.add_row(*self._row(service))
            for line in _below(service):
                table.add_row("", line)
        if not services:
            table.add_row("", Text("nothing yet: `inferry apply service.yaml`", "dim"))
        head = Text.assemble(
            ("inferry", "bold"), f" at {self._url}", ("   Ctrl-C stops it", "dim")
        )
        return Group(Text(""), head, table)

    def _row(self, service: ServiceStatus) -> list[RenderableType]:
        style = _STYLES.get(service.phase, "yellow")
        line = Text.assemble(
            (title(service), "bold"),
            "  ",
            (service.phase, style),
            "  ",
            _detail(service),
        )
        mark = _MARKS.get(service.phase)
        return [Text(mark, style=style) if mark else self._spinner, line]

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)

    async def _draw(self) -> None:
        while True:
            self._live.refresh()
            await asyncio.sleep(_SECONDS)


def _detail(service: ServiceStatus) -> Text:
    """Return what is worth knowing in this phase."""
    if service.phase == "Ready":
        return Text(f"{service.runtime}  {_replicas(service)}", style="dim")
    text = Text("" if service.reason == service.phase else service.reason, style="dim")
    progress = next(
        (r.progress for r in service.revisions if r.progress is not None), None
    )
    if progress is not None and service.phase != "Failed":
        done = round(min(max(progress, 0.0), 1.0) * _BAR)
        text.append("  " + "━" * done, style="not dim cyan")
        text.append("━" * (_BAR - done) + f" {progress:.0%}")
    return text


def _below(service: ServiceStatus) -> list[RenderableType]:
    """Return the lines under a service: where it is, or what is wrong."""
    lines: list[RenderableType] = []
    if service.phase == "Ready":
        lines.append(Text(service.url, style="cyan"))
        if service.grpc:
            lines.append(Text(f"gRPC {service.grpc}  {service.model}", style="dim"))
    elif service.message:
        style = "red" if service.phase == "Failed" else "dim"
        lines.append(Text(service.message, style=style))
    if service.phase == "Failed" and service.remedy:
        lines.append(Text(f"→ {service.remedy}"))
    lines += [Text(line, style="red") for line in failed_revisions(service)]
    return lines


def _replicas(service: ServiceStatus) -> str:
    wanted = sum(revision.replicas for revision in service.revisions)
    ready = sum(revision.ready for revision in service.revisions)
    return f"{ready}/{wanted} replica{'' if wanted == 1 else 's'}"
