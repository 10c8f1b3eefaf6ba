"""``inferry render``: the objects that a cluster gets for a file, without a cluster."""

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

    from inferry.api import Document, InferenceService
    from inferry.config import Given, Settings
    from inferry.planning import Catalog, ServingPlan
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering import Rendered

_DEFAULT_NAMESPACE = "default"
_EXAMPLES = """\b
Examples:
  inferry render service.yaml | kubectl apply -f -
  inferry render service.yaml --mode knative
  kubectl get configmap inferenceservice-config -n kserve -o yaml > config.yaml
  inferry render service.yaml --config-map config.yaml
"""


@click.command(epilog=_EXAMPLES)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--backend",
    type=click.Choice(["kubernetes"]),
    default="kubernetes",
    show_default=True,
    expose_value=False,
    help="Whose objects.",
)
@click.option(
    "--mode",
    type=click.Choice(["standard", "knative"]),
    help="The mode of services whose annotation names none; default: the setting.",
)
@click.option("-n", "--namespace", help="The namespace of documents that name none.")
@click.option(
    "--output",
    "-o",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="How to print the objects.",
)
@click.option(
    "--config-map",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file with the ConfigMap inferenceservice-config of a cluster.",
)
def render(
    files: tuple[str, ...],
    mode: str | None,
    namespace: str | None,
    output: str,
    config_map: Path | None,
) -> None:
    """Print the Kubernetes objects of every InferenceService in FILE.

    No cluster is asked. Runtimes, Secrets, ServiceAccounts and ClusterStorageContainers
    in the files are taken to be there, but not printed. What is not honoured, and what
    has to be in the cluster, goes to standard error. FILE may be a folder, or - for
    standard input. Exits with 1 when a service cannot be rendered.
    """
    from inferry_controller.options import render_options

    settings = _settings(config_map, mode)
    documents = [
        _moved(located.document, namespace or _DEFAULT_NAMESPACE)
        for located in documents_of(files)
    ]
    # Plugins declare settings that pods are told, so they come before the options.
    catalog = catalog_of(documents, settings)
    done, failed = _render_all(documents, catalog, render_options(settings))
    _print([item for each in done for item in each.objects], output)
    if failed:
        click.get_current_context().exit(1)


def _settings(config_map: Path | None, mode: str | None) -> Settings:
    """Return the settings: of the ConfigMap, below those that are given here."""
    from inferry.config import load_settings
    from inferry_controller.configuration import of_file
    from inferry_controller.settings import SETTINGS

    overrides = dict(current().overrides)
    given: tuple[Given, ...] = ()
    if mode is not None:
        overrides["kubernetes.mode"] = mode.capitalize()
    if config_map is not None:
        configuration = of_file(config_map)
        given = configuration.given
        for line in (*configuration.problems, *configuration.notes):
            _note(line)
    settings = load_settings(path=current().config, overrides=overrides, given=given)
    settings.declare(SETTINGS)
    return settings


def _moved(document: Document, namespace: str) -> Document:
    """Return *document* in *namespace*, if it is in none but the default one."""
    import msgspec

    if document.metadata.namespace != _DEFAULT_NAMESPACE:
        return document
    metadata = msgspec.structs.replace(document.metadata, namespace=namespace)
    return msgspec.structs.replace(document, metadata=metadata)


def _render_all(
    documents: Sequence[Document], catalog: Catalog, options: RenderOptions
) -> tuple[list[Rendered], bool]:
    from inferry.api import InferenceService

    services = [each for each in documents if isinstance(each, InferenceService)]
    done, failed = [], False
    for service in services:
        try:
            done.append(_render(service, documents, catalog, options))
        except PlanningError as error:
            report(service, error)
            failed = True
    return done, failed


def _render(
    service: InferenceService,
    documents: Sequence[Document],
    catalog: Catalog,
    options: RenderOptions,
) -> Rendered:
    """Render one service, and tell what it does not get.

    Raises:
        PlanningError: It cannot be rendered.

    """
    from inferry.planning import plan
    from inferry_controller.rendering import render as render_plan
    from inferry_controller.rendering import surroundings_of

    planned = plan(service, catalog, backend="kubernetes", mode=options.mode)
    around = surroundings_of(documents, planned.namespace)
    rendered = render_plan(planned, options, around=around)
    for each in rendered.problems:
        if each.fatal:
            msg = f"{each.path}: {each.why}"
            raise PlanningError(msg, reason=each.reason, remedy=each.remedy)
    for line in _notes(planned, rendered, documents):
        _note(f"{planned.key}: {line}")
    return rendered


def _notes(
    plan: ServingPlan, rendered: Rendered, documents: Sequence[Document]
) -> Iterator[str]:
    from inferry_controller.rendering import references

    if plan.stopped:
        yield "it is stopped by its annotation, so there is nothing to render"
    for lost in plan.unhonoured:
        yield f"{lost.path} is not honoured: {lost.why}"
    for problem in rendered.problems:
        remedy = f"; {problem.remedy}" if problem.remedy else ""
        yield f"{problem.path}: {problem.why} ({problem.reason}){remedy}"
    there = {
        (each.kind, each.metadata.name)
        for each in documents
        if each.metadata.namespace == plan.namespace
    }
    for kind, name in references(rendered.objects):
        if (kind, name) not in there:
            yield f"it needs the {kind} {name} in the namespace {plan.namespace}"


def _note(line: str) -> None:
    click.echo(f"{click.style('note:', fg='yellow')} {line}", err=True)


def _print(objects: list[dict[str, Any]], output: str) -> None:
    if output == "json":
        items = {"apiVersion": "v1", "kind": "List", "items": objects}
        click.echo(json.dumps(items, indent=2))
    elif objects:
        from inferry_controller.install.documents import dump

        click.echo("---\n".join(map(dump, objects)), nl=False)
