"""``inferry logs``: what the replicas of a service say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from inferry.cli._backend import backend_options, connect, find, namespace_option
from inferry.cli._services import one_name

if TYPE_CHECKING:
    from inferry.backends import Backend


@click.command()
@click.argument("service", nargs=-1, required=True, metavar="[isvc] NAME")
@namespace_option
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines.")
@click.option(
    "--tail", type=click.IntRange(min=0), help="Only so many lines; default: all."
)
@backend_options
def logs(
    *,
    service: tuple[str, ...],
    namespace: str,
    follow: bool,
    tail: int | None,
    backend_name: str | None,
    port: int | None,
) -> None:
    """Print the logs of a service's replicas, each line after its replica's name."""
    backend = connect(backend_name, port)
    name = one_name(service)
    asyncio.run(_print(backend, namespace, name, follow=follow, tail=tail))


async def _print(
    backend: Backend, namespace: str, name: str, *, follow: bool, tail: int | None
) -> None:
    await find(backend, namespace, name)
    async for line in backend.logs(namespace, name, follow=follow, tail=tail):
        click.echo(line.rstrip("\n"))
