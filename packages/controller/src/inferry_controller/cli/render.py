"""``inferry render``: the objects that a cluster gets for a file, without a cluster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import yaml

from inferry.cli._globals import current
from inferry.errors import InferryError, PlanningError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.api import InferenceService
    from inferry.config import Settings
    from inferry.planning import Catalog
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering import Rendered


@click.command
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--output",
    "-o",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="How to print the objects.",
)
def render(files: tuple[str, ...], output: str) -> None:
    """Print the Kubernetes objects of each InferenceService in FILE.

    FILE may be a folder, or - for standard input. No cluster is asked.
    Exits with 1 when a service cannot be rendered.
    """
    from inferry_controller.options import render_options
    from inferry_controller.settings import SETTINGS

    settings = current().settings()
    settings.declare(SETTINGS)
    services, catalog = _read(files, settings)
    options = render_options(settings)
    rendered, failed = _render_all(services, catalog, options)
    _print([item for each in rendered for item in each.objects], output)
    if failed:
        click.get_current_context().exit(1)


def _read(
    files: Sequence[str], settings: Settings
) -> tuple[list[InferenceService], Catalog]:
    from inferry.api import InferenceService, load
    from inferry.planning import Catalog
    from inferry.plugins import load_plugins

    loaded = load(files)
    loaded.raise_for_problems()
    documents = [located.document for located in loaded.documents]
    services = [each for each in documents if isinstance(each, InferenceService)]
    if not services:
        msg = f"no InferenceService in {', '.join(files)}"
        raise InferryError(msg, remedy="name a file that holds one")
    return services, Catalog.build(load_plugins("cli", settings), documents, settings)


def _render_all(
    services: Sequence[InferenceService], catalog: Catalog, options: RenderOptions
) -> tuple[list[Rendered], bool]:
    from inferry.planning import plan
    from inferry_controller.rendering import render as render_plan

    done, failed = [], False
    for service in services:
        try:
            planned = plan(service, catalog, backend="kubernetes")
            done.append(render_plan(planned, options))
        except PlanningError as error:
            name = f"{service.metadata.namespace}/{service.metadata.name}"
            click.echo(f"error: {name}: {error.message} ({error.reason})", err=True)
            failed = True
    return done, failed


def _print(objects: list[dict[str, Any]], output: str) -> None:
    if output == "json":
        click.echo(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        return
    click.echo(yaml.safe_dump_all(objects, sort_keys=False), nl=False)
