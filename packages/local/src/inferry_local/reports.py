"""How `inferry run` tells what happens: a line of text or of JSON per change.

The live view on a terminal is `inferry_local.live`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol, TextIO

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.backends import Applied, ServiceStatus


_TENTHS = 10


class Reporter(Protocol):
    """What a run tells its user."""

    def starting(self, text: str) -> None:
        """Say what is being started."""

    def started(self, url: str) -> None:
        """Say that requests are taken at *url*."""

    def status(self, service: ServiceStatus) -> None:
        """Show the new state of a service."""

    def example(self, service: ServiceStatus, command: str) -> None:
        """Show a command that asks the service."""

    def applied(self, applied: Sequence[Applied]) -> None:
        """Say what became of an edit or an `inferry apply`."""

    def problems(self, lines: Sequence[str]) -> None:
        """Show what is wrong with an edit; what runs goes on."""

    def note(self, text: str) -> None:
        """Say something in passing."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class TextReporter:
    """Plain lines, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._seen: dict[tuple[str, str], tuple[str, ...]] = {}
        self._tenths: dict[tuple[str, str], int] = {}

    def starting(self, text: str) -> None:
        """Say what is being started."""
        self.note(text)

    def started(self, url: str) -> None:
        """Say that requests are taken at *url*."""
        self.note(f"serving at {url}")

    def status(self, service: ServiceStatus) -> None:
        """Print the state when it changes, and each tenth of what is fetched."""
        key = service.namespace, service.name
        lines = tuple(status_lines(service))
        if self._seen.get(key) != lines:
            self._seen[key] = lines
            self._tenths.pop(key, None)
            for line in lines:
                self.note(line)
        tenth = int(_TENTHS * (fetched_share(service) or 0.0))
        # Neither none nor all: what is fetched at once needs no line.
        if service.message and self._tenths.get(key, 0) < tenth < _TENTHS:
            self._tenths[key] = tenth
            self.note(f"  {service.message}")

    def example(self, service: ServiceStatus, command: str) -> None:
        """Print the command."""
        self.note(f"{title(service)}: try it with\n  {command}")

    def applied(self, applied: Sequence[Applied]) -> None:
        """Print a line per document."""
        for one in applied:
            name = "/".join(filter(None, (one.namespace, one.name)))
            self.note(f"{one.kind} {name} {one.action}")
            if one.action == "deleted":
                self._seen.pop((one.namespace, one.name), None)

    def problems(self, lines: Sequence[str]) -> None:
        """Print the problems."""
        for line in lines:
            self.note(line)
        self.note("the edit is not applied; what was served goes on")

    def note(self, text: str) -> None:
        """Print a line at once."""
        print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing to restore."""


class JsonReporter:
    """One JSON object per line, each with its ``event``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def starting(self, text: str) -> None:
        """Event ``starting``."""
        self._event("starting", message=text)

    def started(self, url: str) -> None:
        """Event ``started``, with the url."""
        self._event("started", url=url)

    def status(self, service: ServiceStatus) -> None:
        """Event ``status``, with the whole status."""
        self._event("status", service=msgspec.to_builtins(service))

    def example(self, service: ServiceStatus, command: str) -> None:
        """Event ``example``, with the command."""
        self._event(
            "example", namespace=service.namespace, name=service.name, command=command
        )

    def applied(self, applied: Sequence[Applied]) -> None:
        """Event ``applied``, once per document."""
        for one in applied:
            self._event("applied", **msgspec.to_builtins(one))

    def problems(self, lines: Sequence[str]) -> None:
        """Event ``problems``, with a line each."""
        self._event("problems", problems=list(lines))

    def note(self, text: str) -> None:
        """Event ``note``."""
        self._event("note", message=text)

    def close(self) -> None:
        """Event ``stopped``."""
        self._event("stopped")

    def _event(self, event: str, **facts: Any) -> None:  # noqa: ANN401 - any JSON
        line = json.dumps({"event": event, **facts}, ensure_ascii=False)
        print(line, file=self._stream, flush=True)


def title(service: ServiceStatus) -> str:
    """Return the service's name, with its namespace unless that is ``default``."""
    if service.namespace == "default":
        return service.name
    return f"{service.namespace}/{service.name}"


def fetched_share(service: ServiceStatus) -> float | None:
    """Return how much of the model is fetched; None if none is, or nobody knows."""
    if service.reason != "Downloading":
        return None
    shares = [each.progress for each in service.revisions if each.progress is not None]
    return shares[0] if shares else None


def status_lines(service: ServiceStatus) -> list[str]:
    """Return the state as lines: phase, reason, message, then what to do."""
    first = f"{title(service)}: {service.phase}"
    if service.phase == "Ready":
        first += f" at {service.url} ({service.runtime})"
    elif service.reason and service.reason != service.phase:
        first += f" ({service.reason})"
    if service.phase == "Failed" and service.message:
        first += f": {service.message}"
    lines = [first]
    if service.phase == "Ready" and service.grpc:
        lines.append(f"  gRPC at {service.grpc}, model {service.model!r}")
    if service.phase == "Failed" and service.remedy:
        lines.append(f"  {service.remedy}")
    return lines + [f"  {line}" for line in failed_revisions(service)]


def failed_revisions(service: ServiceStatus) -> list[str]:
    """Return a line per new revision that failed while an older one serves."""
    if service.phase == "Failed":
        return []
    return [
        f"revision {revision.name} failed: {revision.message}"
        for revision in service.revisions
        if revision.phase == "Failed"
    ]
