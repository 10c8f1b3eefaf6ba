"""``inferry apply``: create or change services from files."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inferry.cli._backend import backend_options, namespace_option
from inferry.errors import BackendError

if TYPE_CHECKING:
    from inferry.backends import Applied
    from inferry.cli._backend import Target

#: KServe's API group, which kubectl adds to the kind.
_GROUP = "serving.kserve.io"
#: Kinds of Kubernetes itself, which have no group.
_OF_KUBERNETES = frozenset({"Secret", "ServiceAccount"})


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
@namespace_option
@backend_options
def apply(
    *,
    targets: tuple[str, ...],
    filenames: tuple[str, ...],
    namespace: str | None,
    target: Target,
) -> None:
    """Create or change services from YAML or JSON files and folders.

    All files are validated before any of them is applied.
    """
    paths = [Path(name) for name in (*targets, *filenames)]
    if not paths:
        msg = "name at least one file, such as `inferry apply service.yaml`"
        raise click.UsageError(msg)
    _warn(paths)
    backend = target.connect()
    given: dict[str, Any] = {"namespace": namespace} if namespace else {}
    if given.keys() - inspect.signature(backend.apply).parameters.keys():
        msg = "this backend takes no --namespace for files"
        raise BackendError(msg, remedy="write metadata.namespace into them")
    done = asyncio.run(backend.apply(paths, **given))
    for applied in done:
        click.echo(line(applied))
    if not done:
        msg = "nothing is applied: no document is of a kind that Inferry reads"
        raise BackendError(msg, remedy="give Deployments and the like to kubectl")


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
    kind = applied.kind.lower()
    if applied.kind not in _OF_KUBERNETES:
        kind = f"{kind}.{_GROUP}"
    return f"{kind}/{applied.name} {applied.action}"
