"""``inferry apply``: create or change services from files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inferry.cli._backend import backend_options, connect

if TYPE_CHECKING:
    from inferry.backends import Applied

#: KServe's API group, which kubectl adds to the kind.
_GROUP = "serving.kserve.io"


@click.command()
@click.argument("targets", nargs=-1, metavar="[FILE]...")
@click.option(
    "-f",
    "--filename",
    "filenames",
    multiple=True,
    metavar="FILE",
    help="File or folder, `-` for stdin; the same as naming it.",
)
@backend_options
def apply(
    *,
    targets: tuple[str, ...],
    filenames: tuple[str, ...],
    backend_name: str | None,
    port: int | None,
) -> None:
    """Create or change services from YAML or JSON files and folders.

    All files are validated before any of them is applied.
    """
    paths = [Path(name) for name in (*targets, *filenames)]
    if not paths:
        msg = "name at least one file, such as `inferry apply service.yaml`"
        raise click.UsageError(msg)
    _warn(paths)
    backend = connect(backend_name, port)
    for applied in asyncio.run(backend.apply(paths)):
        click.echo(line(applied))


def _warn(paths: list[Path]) -> None:
    """Print what is worth knowing; mistakes are the backend's to tell."""
    if Path("-") in paths:
        # It can be read only once.
        return
    from inferry.api import load

    for warning in load(paths).warnings:
        click.echo(str(warning), err=True)


def line(applied: Applied) -> str:
    """Return what kubectl prints for one document."""
    return f"{applied.kind.lower()}.{_GROUP}/{applied.name} {applied.action}"
