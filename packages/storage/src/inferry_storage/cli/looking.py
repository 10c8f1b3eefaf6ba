"""``inferry storage ls``, ``stat`` and ``whoami``: what is there, and who asks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from inferry_storage.cli.examples import examples
from inferry_storage.cli.session import Session, run, session
from inferry_storage.cli.words import amount

if TYPE_CHECKING:
    from inferry.storage import LocalPath, Snapshot

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command(epilog=examples("ls s3://models/iris", "ls hf://owner/model@v1"))
@click.argument("uri")
@_json
def ls(*, uri: str, as_json: bool) -> None:
    """List the files of the model at URI."""
    found = run(_resolved(session(), uri))
    rows = _rows(found)
    if as_json:
        keys = ("path", "size", "digest")
        listed = [dict(zip(keys, row, strict=True)) for row in rows]
        click.echo(json.dumps(listed, indent=2))
        return
    for path, size, _ in rows:
        shown = "?" if size is None else amount(size)
        click.echo(f"{shown:>10}  {path}")


@click.command(
    short_help="Show snapshot, size and verification of the model at URI.",
    epilog=examples("stat s3://models/iris"),
)
@click.argument("uri")
@_json
def stat(*, uri: str, as_json: bool) -> None:
    """Show what the model at URI is: its snapshot, its size, how it can be verified."""
    told = _facts(session(), uri)
    if as_json:
        click.echo(json.dumps(told, indent=2))
        return
    for name, value in told.items():
        said = f"{amount(value)} ({value})" if name == "bytes" and value else value
        click.echo(f"{name + ':':<10} {'unknown' if value is None else said}")


@click.command(
    short_help="Show which credentials would be used, and their origin.",
    epilog=examples("whoami s3://models/iris", "whoami gs://models/iris"),
)
@click.argument("uri")
@_json
def whoami(*, uri: str, as_json: bool) -> None:
    """Show which credentials would be used for URI, and where they are from.

    No value is shown, and the store is not asked.
    """
    from inferry.storage import Source
    from inferry_storage.credentials import located
    from inferry_storage.fetching.opening import choose, credentials_of

    this = session()
    source = located(Source(uri=uri), settings=this.settings)
    provided = choose(source.uri, this.plugins)
    found = credentials_of(source, provided, this.settings)
    told = {
        "backend": provided.descriptor.name,
        "rung": found.rung,
        "detail": found.detail,
        "keys": sorted(found.values),
    }
    if as_json:
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"backend:  {told['backend']} ({provided.distribution})")
    click.echo(f"rung:     {found.rung}")
    click.echo(f"from:     {found.detail or '-'}")
    click.echo(f"gives:    {', '.join(sorted(found.values)) or 'nothing'}")


async def _resolved(this: Session, uri: str) -> Snapshot | LocalPath:
    from inferry.storage import Source
    from inferry_storage.fetching.opening import opened

    async with opened(
        Source(uri=uri), plugins=this.plugins, settings=this.settings
    ) as store:
        return await store.resolve()


def _rows(found: Snapshot | LocalPath) -> list[tuple[str, int | None, str | None]]:
    from inferry.storage import LocalPath

    if not isinstance(found, LocalPath):
        entries = sorted(found.entries, key=lambda each: each.path)
        return [(each.path, each.size, each.digest) for each in entries]
    if found.path.is_file():
        return [(found.path.name, found.path.stat().st_size, None)]
    from inferry_storage.cache.manifest import Tree

    return [(each.path, each.size, None) for each in Tree.of(found.path).files]


def _facts(this: Session, uri: str) -> dict[str, Any]:
    from inferry.storage import LocalPath, shown_uri
    from inferry_storage.fetching.selecting import Patterns
    from inferry_storage.policy import Policy
    from inferry_storage.transfer.plan import plan

    found = run(_resolved(this, uri))
    shown = shown_uri(found.uri)
    if isinstance(found, LocalPath):
        rows = _rows(found)
        total = sum(size or 0 for _, size, _ in rows)
        return {
            "uri": shown,
            "snapshot": str(found.path),
            "files": len(rows),
            "bytes": total,
            "rung": "local",
        }
    policy = Policy.of(this.settings.section("storage"))
    # Patterns narrow it as they would narrow a pull; the plan refuses what it would.
    wanted = Patterns.of(policy).select(found)
    planned = plan(wanted, policy)
    return {
        "uri": shown,
        "snapshot": found.id,
        "files": planned.files,
        "bytes": planned.total_bytes if planned.known else None,
        "rung": planned.rung,
    }
