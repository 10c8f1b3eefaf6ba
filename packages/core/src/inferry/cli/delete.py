"""``inferry delete``: remove services by name, or those of files."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from inferry.cli._backend import backend_options, connect, find, namespace_option
from inferry.cli._services import names
from inferry.cli.apply import line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry.backends import Backend


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
    namespace: str,
    ignore_not_found: bool,
    backend_name: str | None,
    port: int | None,
) -> None:
    """Remove services; returns when nothing of them runs."""
    keys = [(namespace, name) for name in names(services)] + _from_files(filenames)
    if not keys:
        msg = "name a service, or a file with -f"
        raise click.UsageError(msg)
    backend = connect(backend_name, port)
    asyncio.run(_delete(backend, keys, ignore_not_found=ignore_not_found))


async def _delete(
    backend: Backend, keys: Iterable[tuple[str, str]], *, ignore_not_found: bool
) -> None:
    for namespace, name in keys:
        if ignore_not_found and not await backend.get(namespace, name):
            continue
        await find(backend, namespace, name)
        click.echo(line(await backend.delete(namespace, name)))


def _from_files(filenames: tuple[str, ...]) -> list[tuple[str, str]]:
    if not filenames:
        return []
    from inferry.api import load

    loaded = load(filenames)
    loaded.raise_for_problems()
    return [
        (located.document.metadata.namespace, located.document.metadata.name)
        for located in loaded.documents
        if located.document.kind == "InferenceService"
    ]
