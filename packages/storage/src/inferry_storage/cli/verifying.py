"""``inferry storage verify``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inferry_storage.cli.examples import examples
from inferry_storage.cli.session import Session, run, session
from inferry_storage.cli.words import files

if TYPE_CHECKING:
    from inferry_storage.fetching.comparing import Compared


@click.command(
    short_help="Compare every byte of a model here with what was promised.",
    epilog=examples(
        "verify ./iris",
        "verify ./iris --against s3://models/iris",
        "verify s3://models/iris",
    ),
)
@click.argument("target", metavar="URI|DEST")
@click.option("--against", metavar="URI", help="Compare DEST with what is there now.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(*, target: str, against: str | None, as_json: bool) -> None:
    """Compare every byte of a model on this machine with what was promised of it.

    URI is a model that the cache holds, DEST a folder that one was pulled to.
    Signatures are verified where the settings say whose they must be.
    """
    this = session()
    work = _by_uri(this, target) if "://" in target else _folder(this, target, against)
    found = run(work)
    if as_json:
        import msgspec

        click.echo(json.dumps(msgspec.to_builtins(found), indent=2))
    else:
        click.echo(_told(found))


async def _by_uri(this: Session, uri: str) -> Compared:
    from inferry_storage.fetching.comparing import cached

    return await cached(uri, plugins=this.plugins, settings=this.settings)


async def _folder(this: Session, target: str, against: str | None) -> Compared:
    from inferry_storage.fetching import comparing

    path = Path(target)
    if against is None:
        return await asyncio.to_thread(comparing.pulled, path, this.settings)
    return await comparing.stored(
        path, against, plugins=this.plugins, settings=this.settings
    )


def _told(found: Compared) -> str:
    by = [f"{count} by {rung}" for rung, count in found.rungs.items() if count]
    signed = ", signature verified" if found.signed else ""
    return f"{found.path} is {found.uri}: {files(found.files)}, {', '.join(by)}{signed}"
