"""``inferry explain``: what would serve a file, and why, without serving it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inferry.cli._globals import current
from inferry.cli._planned import catalog_of, documents_of, report
from inferry.errors import PlanningError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inferry.api import Document, InferenceService, Located
    from inferry.planning import (
        Catalog,
        ComponentExplanation,
        Explanation,
        StorageChoice,
    )

_LABEL = 10


@click.command
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--backend",
    type=click.Choice(["local", "kubernetes"]),
    default="local",
    show_default=True,
    help="Where the services would run.",
)
@click.option(
    "--output",
    "-o",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print it.",
)
def explain(files: tuple[str, ...], backend: str, output: str) -> None:
    """Say which runtime, storage and policy would serve each FILE, and why.

    Nothing is started or downloaded. FILE may be a folder, or - for standard input.
    Exits with 1 when a service cannot be served.
    """
    located = documents_of(files)
    documents = [each.document for each in located]
    catalog = catalog_of(documents, current().settings())
    services = list(_services(located, backend))
    explained, problems = _explain_all(services, documents, catalog, backend)
    if output == "json":
        click.echo(json.dumps(_as_json(explained, problems), indent=2))
    elif explained:
        click.echo("\n\n".join("\n".join(_text(each)) for each in explained))
    for each in explained:
        _warn_of_missing_models(each)
    for service, problem in problems:
        report(service, problem)
    if problems:
        click.get_current_context().exit(1)


def _services(documents: Sequence[Located], backend: str) -> Iterator[InferenceService]:
    """Yield the services; paths mean what they will mean when the file is served."""
    from inferry.api import InferenceService
    from inferry.planning import anchored

    for located in documents:
        service = located.document
        if not isinstance(service, InferenceService):
            continue
        if backend == "local":
            file = Path(located.origin.file)
            service = anchored(service, file.parent if file.is_file() else Path.cwd())
        yield service


def _explain_all(
    services: Sequence[InferenceService],
    documents: Sequence[Document],
    catalog: Catalog,
    backend: str,
) -> tuple[list[Explanation], list[tuple[InferenceService, PlanningError]]]:
    from inferry import planning

    explained, problems = [], []
    hosts = planning.hosts(documents)
    for service in services:
        is_host = (service.metadata.namespace, service.metadata.name) in hosts
        try:
            explained.append(
                planning.explain(
                    service, catalog, backend=backend, hosts_models=is_host
                )
            )
        except PlanningError as error:
            problems.append((service, error))
    return explained, problems


def _as_json(
    explained: Sequence[Explanation],
    problems: Sequence[tuple[InferenceService, PlanningError]],
) -> dict[str, Any]:
    import msgspec

    return {
        "services": msgspec.to_builtins(explained),
        "problems": [
            {
                "namespace": service.metadata.namespace,
                "name": service.metadata.name,
                "reason": str(error.reason),
                "message": error.message,
                "remedy": error.remedy,
            }
            for service, error in problems
        ],
    }


def _warn_of_missing_models(explained: Explanation) -> None:
    """Name the folders that are not there (yet), which no plan looks for."""
    if explained.backend != "local":
        return
    for uri in [each.uri for part in explained.components for each in part.storage]:
        if uri.startswith("/") and not Path(uri).exists():
            yellow = click.style("warning:", fg="yellow")
            name = f"{explained.namespace}/{explained.name}"
            click.echo(f"{yellow} {name}: {uri} does not exist yet", err=True)


def _text(explained: Explanation) -> Iterator[str]:
    title = f"InferenceService {explained.namespace}/{explained.name}"
    yield click.style(title, bold=True) + f" on the {explained.backend} backend"
    if explained.backend != "local":
        # A laptop resolves no such name: its url is the path below the gateway's.
        yield from _lines(1, "url", explained.url)
    yield from _lines(1, "host", explained.host)
    yield from _lines(1, "path", explained.path)
    if explained.stopped:
        yield from _lines(1, "stopped", "by the annotation serving.kserve.io/stop")
    for component in explained.components:
        yield ""
        yield from _component(component)
    if explained.unhonoured:
        yield ""
        yield f"  not honoured by the {explained.backend} backend"
        for field in explained.unhonoured:
            yield f"    {field.path}: {field.why}"


def _component(part: ComponentExplanation) -> Iterator[str]:
    yield "  " + click.style(part.component, bold=True) + _share(part)
    if part.runtime is not None:
        yield from _lines(
            2, "runtime", part.runtime.name, f"from {part.origin}", part.runtime.why
        )
        others = [
            f"{each.name} ({each.origin}): {each.why}"
            for each in part.candidates
            if not each.chosen
        ]
        yield from _lines(2, "not", *others)
        model_format = f"{part.model_format} {part.format_version}".rstrip()
        yield from _lines(
            2, "model", f"{part.model_name}, format {model_format}", _served_by(part)
        )
    else:
        yield from _lines(2, "image", part.image)
    yield from _lines(2, "protocol", part.protocol)
    yield from _lines(
        2,
        "storage",
        *(f"{each.uri} by {_with_plugin(each)}: {each.why}" for each in part.storage),
    )
    yield from _lines(2, "scaling", *_scaling(part))
    width = max((len(option.name) for option in part.options), default=0)
    yield from _lines(
        2,
        "options",
        *(
            f"{option.name:{width}} = {json.dumps(option.value)} ({option.origin})"
            for option in part.options
        ),
    )


def _share(part: ComponentExplanation) -> str:
    variant = f" {part.variant}" if part.variant else ""
    percent = "" if part.percent is None else f", {part.percent} % of the traffic"
    return f"{variant} (revision {part.revision}{percent})"


def _served_by(part: ComponentExplanation) -> str:
    if part.target:
        return f"served by {part.target}"
    return f"served by the image {part.image}"


def _with_plugin(choice: StorageChoice) -> str:
    if not choice.plugin:
        return choice.backend
    return f"{choice.backend} (plugin {choice.plugin} {choice.version})"


def _scaling(part: ComponentExplanation) -> Iterator[str]:
    scaling = part.scaling
    if scaling.minimum == scaling.maximum:
        noun = "replica" if scaling.minimum == 1 else "replicas"
        yield f"{scaling.minimum} {noun}"
    else:
        yield f"{scaling.minimum} to {scaling.maximum or 'any number of'} replicas"
    aim = "" if scaling.target is None else f", {scaling.metric} {scaling.target:g}"
    origin = f" from {part.policy_origin}" if part.policy_origin else ""
    yield f"policy {scaling.policy}{aim}{origin}: {scaling.why}"


def _lines(depth: int, label: str, *values: str) -> Iterator[str]:
    """Yield *values* below each other beside one *label*."""
    for index, value in enumerate(values):
        name = label if index == 0 else ""
        yield f"{'  ' * depth}{name:{_LABEL}}{value}".rstrip()
