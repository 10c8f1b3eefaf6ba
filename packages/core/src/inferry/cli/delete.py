"""``inferry delete``: remove services by name, or those of files."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import click

from inferry.cli._backend import (
    backend_options,
    namespace_of,
    namespace_option,
    not_found,
)
from inferry.cli._errors import report
from inferry.cli._services import names
from inferry.cli.apply import line
from inferry.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry.backends import Applied, Backend
    from inferry.cli._backend import Target

    Key = tuple[str, str]

_REMOVED = ("InferenceService", "TrainedModel")


@click.command()
@click.argument("services", nargs=-1, metavar="[isvc] [NAME]...")
@click.option(
    "-f",
    "--filename",
    "filenames",
    multiple=True,
    metavar="FILE",
    help="Remove the services of this file or folder; `-` for stdin.",
)
@namespace_option
@click.option("--ignore-not-found", is_flag=True, help="No error if it is not there.")
@backend_options
def delete(
    *,
    services: tuple[str, ...],
    filenames: tuple[str, ...],
    namespace: str | None,
    ignore_not_found: bool,
    target: Target,
) -> None:
    """Remove services; returns when nothing of them runs.

    Secrets, accounts and runtimes of a file stay: other services may use them.
    """
    wanted = names(services)
    if not wanted and not filenames:
        msg = "name a service, or a file with -f"
        raise click.UsageError(msg)
    backend = target.connect()
    where = namespace_of(backend, namespace)
    services_there, models = _from_files(filenames, where)
    keys = [(where, name) for name in wanted] + services_there
    asyncio.run(_delete(backend, keys, models, ignore_not_found=ignore_not_found))


async def _delete(
    backend: Backend,
    keys: Iterable[Key],
    models: Iterable[Key],
    *,
    ignore_not_found: bool,
) -> None:
    removing: Any = getattr(backend, "delete_model", None)
    absent: list[BackendError] = []
    for namespace, name in models if removing is not None else ():
        try:
            click.echo(line(await removing(namespace, name)))
        except BackendError as error:
            absent.append(error)
    for namespace, name in keys:
        if await backend.get(namespace, name):
            click.echo(line(await _removed(backend, namespace, name)))
        elif not ignore_not_found:
            absent.append(await not_found(backend, namespace, name))
    # What is not there keeps nothing else from being removed.
    if absent and not ignore_not_found:
        *others, last = absent
        for other in others:
            report(other)
        raise last


async def _removed(backend: Backend, namespace: str, name: str) -> Applied:
    """Remove one service; a backend that takes its time tells stderr how far it is."""
    if "tell" not in inspect.signature(backend.delete).parameters:
        return await backend.delete(namespace, name)
    telling: Any = backend.delete
    removed: Applied = await telling(
        namespace, name, tell=lambda text: click.echo(text, err=True)
    )
    return removed


def _from_files(filenames: tuple[str, ...], where: str) -> tuple[list[Key], list[Key]]:
    """Return the InferenceServices and the TrainedModels of files."""
    if not filenames:
        return [], []
    from inferry.api import load, to_dict

    loaded = load(filenames)
    loaded.raise_for_problems()
    found: dict[str, list[Key]] = {kind: [] for kind in _REMOVED}
    left = []
    for each in loaded.documents:
        document = to_dict(each.document)
        kind, metadata = document["kind"], document["metadata"]
        if kind in found:
            key = metadata.get("namespace", where), metadata["name"]
            found[kind].append(key)
        else:
            left.append(f"{kind} {metadata['name']}")
    if left:
        click.echo(f"left, as others may use it: {', '.join(left)}", err=True)
    services, models = found.values()
    return services, models
