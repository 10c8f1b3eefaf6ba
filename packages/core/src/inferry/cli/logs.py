"""``inferry logs``: what the replicas of a service say."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING

import click

from inferry.cli._backend import backend_options, find, namespace_of, namespace_option
from inferry.cli._services import one_name
from inferry.errors import printable

if TYPE_CHECKING:
    from inferry.backends import Backend
    from inferry.cli._backend import Target

#: What moves the cursor, sets titles or answers: all but a tab and a colour.
_CONTROL = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")


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
    namespace: str | None,
    follow: bool,
    tail: int | None,
    target: Target,
) -> None:
    """Print the logs of a service's replicas, each line after its replica's name."""
    backend = target.connect()
    name = one_name(service)
    where = namespace_of(backend, namespace)
    asyncio.run(_print(backend, where, name, follow=follow, tail=tail))


async def _print(
    backend: Backend, namespace: str, name: str, *, follow: bool, tail: int | None
) -> None:
    await find(backend, namespace, name)
    people = sys.stdout.isatty()
    async for line in backend.logs(namespace, name, follow=follow, tail=tail):
        text = line.rstrip("\n")
        click.echo(harmless(text) if people else text)


def harmless(line: str) -> str:
    """Return *line* as a terminal may print it: colours stay, nothing else is obeyed.

    A model server writes what its callers and its model make it write.
    """
    return _CONTROL.sub(lambda found: printable(found[0]), line)
