"""``inferry describe``: all there is to know about one service."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from inferry.cli._backend import backend_options, find, namespace_of, namespace_option
from inferry.cli._output import age, dump, ready, replicas
from inferry.cli._services import one_name
from inferry.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inferry.backends import Backend, PodStatus, RevisionStatus, ServiceStatus
    from inferry.cli._backend import Target
    from inferry.status import Condition

_LABEL_WIDTH = 14


@click.command()
@click.argument("service", nargs=-1, required=True, metavar="[isvc] NAME")
@namespace_option
@backend_options
def describe(
    *,
    service: tuple[str, ...],
    namespace: str | None,
    target: Target,
) -> None:
    """Show one service: state, revisions, conditions, events, and what is ignored."""
    backend = target.connect()
    name = one_name(service)
    status = asyncio.run(_found(backend, namespace_of(backend, namespace), name))
    # Much of it is what containers and others said: a terminal must not obey it.
    click.echo("\n".join(map(printable, description(status))))


async def _found(backend: Backend, namespace: str, name: str) -> ServiceStatus:
    """Ask for all there is to know, which some backends tell only on demand."""
    status = await find(backend, namespace, name)
    explain = getattr(backend, "describe", None)
    return status if explain is None else await explain(namespace, name)


def description(service: ServiceStatus) -> Iterator[str]:
    """Yield the lines of ``describe``."""
    yield from _summary(service)
    yield from _section("Spec", dump(service.spec, "yaml").splitlines(), service.spec)
    yield from _section("Revisions", _revisions(service.revisions), service.revisions)
    yield from _section(
        "Conditions", _conditions(service.conditions), service.conditions
    )
    yield from _section("Pods", _pods(service.pods), service.pods)
    yield from _section("Not honoured", service.unhonoured, service.unhonoured)
    yield from _section("Endpoints", service.endpoints, service.endpoints)
    yield from _section("Events", service.events, service.events)


def _summary(service: ServiceStatus) -> Iterator[str]:
    rows = {
        "Name": service.name,
        "Namespace": service.namespace,
        "Phase": service.phase,
        "Ready": ready(service),
        "Reason": service.reason,
        "Message": service.message,
        "Remedy": service.remedy,
        "URL": service.url,
        "gRPC": service.grpc,
        "Runtime": service.runtime,
        "Model": service.model,
        "Replicas": replicas(service),
        "Generation": _generation(service),
        "Age": age(service.age_seconds),
    }
    for label, value in rows.items():
        if value:
            yield f"{label + ':':<{_LABEL_WIDTH}}{value}"


def _generation(service: ServiceStatus) -> str:
    if service.generation == service.observed_generation:
        return str(service.generation)
    return f"{service.generation} (in effect: {service.observed_generation})"


def _section(title: str, lines: Iterable[str], present: object) -> Iterator[str]:
    if not present:
        return
    yield f"{title}:"
    for line in lines:
        yield f"  {line}"


def _revisions(revisions: Iterable[RevisionStatus]) -> Iterator[str]:
    rows = [("NAME", "SHARE", "PHASE", "REPLICAS", "VARIANT", "MESSAGE")]
    for revision in revisions:
        progress = f" {revision.progress:.0%}" if revision.progress is not None else ""
        rows.append(
            (
                revision.name,
                f"{revision.percent}%",
                revision.phase + progress,
                f"{revision.ready}/{revision.replicas}",
                revision.variant,
                revision.message,
            )
        )
    return _aligned(rows)


def _pods(pods: Iterable[PodStatus]) -> Iterator[str]:
    for pod in pods:
        words = [pod.name, pod.phase]
        words += [f"restarts={pod.restarts}"] if pod.restarts else []
        words += [f"on {pod.node}"] if pod.node else []
        words += [f"{pod.reason}: {pod.message}"] if pod.reason else []
        yield "   ".join(words)
        yield from (f"  | {line}" for line in pod.log)


def _conditions(conditions: Iterable[Condition]) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [("TYPE", "STATUS", "REASON", "MESSAGE")]
    rows += [(c.type, c.status, c.reason, c.message) for c in conditions]
    return _aligned(rows)


def _aligned(rows: list[Any]) -> Iterator[str]:
    used = [any(row[i] for row in rows[1:]) for i in range(len(rows[0]))]
    kept = [[cell for cell, use in zip(row, used, strict=True) if use] for row in rows]
    widths = [max(map(len, column)) for column in zip(*kept, strict=True)]
    for row in kept:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "   ".join(cells).rstrip()
