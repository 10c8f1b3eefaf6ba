"""What `explain` and `render` share: files in, a catalog, and why a service fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from inferry.errors import InferryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inferry.api import Document, InferenceService, Located
    from inferry.config import Settings
    from inferry.errors import PlanningError
    from inferry.planning import Catalog


def documents_of(files: Sequence[str]) -> tuple[Located, ...]:
    """Return the documents of *files*, and print what they warn of.

    Raises:
        InferryError: A file has problems, or none holds an InferenceService.

    """
    from inferry.api import InferenceService, load

    loaded = load(files)
    loaded.raise_for_problems()
    for warning in loaded.warnings:
        click.echo(str(warning), err=True)
    if not any(
        isinstance(each.document, InferenceService) for each in loaded.documents
    ):
        msg = f"no InferenceService in {', '.join(files)}"
        raise InferryError(msg, remedy="name a file that holds one")
    return loaded.documents


def catalog_of(documents: Iterable[Document], settings: Settings) -> Catalog:
    """Return what there is to plan with; plugins declare their settings on the way."""
    from inferry.planning import Catalog
    from inferry.plugins import load_plugins

    plugins = load_plugins("cli", settings)
    if plugins.problems:
        count = len(plugins.problems)
        noun = "plugin problem" if count == 1 else "plugin problems"
        click.echo(f"{count} {noun}; `inferry plugins doctor` says more", err=True)
    return Catalog.build(plugins, documents, settings)


def report(service: InferenceService, error: PlanningError) -> None:
    """Print why *service* cannot be planned, and what to do."""
    red = click.style("error:", fg="red", bold=True)
    name = f"{service.metadata.namespace}/{service.metadata.name}"
    click.echo(f"{red} {name}: {error.message} ({error.reason})", err=True)
    if error.remedy:
        click.echo(f"  {error.remedy}", err=True)
