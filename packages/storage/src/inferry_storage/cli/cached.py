"""``inferry storage cache``: what is kept on this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from inferry_storage.cli.amounts import Amount, Length
from inferry_storage.cli.examples import examples
from inferry_storage.cli.session import session
from inferry_storage.cli.words import ago, amount

if TYPE_CHECKING:
    from inferry_storage.cache.cleaning import Kept
    from inferry_storage.cache.folder import Cache
    from inferry_storage.policy import Policy

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_SHORT = 12


@click.group
def cache() -> None:
    """List and clean up the models that are kept on this machine."""


@cache.command("ls", epilog=examples("cache ls"))
@_json
def list_(*, as_json: bool) -> None:
    """List the models in the cache, what was used last at the end."""
    from inferry.cli._table import print_table
    from inferry_storage.cache import cleaning

    here, policy = _cache()
    trees = cleaning.kept(here)
    if as_json:
        click.echo(json.dumps([_facts(each) for each in trees], indent=2))
        return
    if not trees:
        click.echo(f"{here.root} holds no models")
        return
    print_table(("KEY", "SIZE", "FILES", "USED", "", "URI"), [_row(e) for e in trees])
    most = f" of {amount(policy.cache_bytes)}" if policy.cache_bytes else ""
    click.echo(f"{amount(cleaning.used_bytes(trees))}{most} in {here.root}", err=True)


@cache.command(
    epilog=examples("cache gc --keep 100GiB", "cache gc --older 30d", "cache gc --all")
)
@click.option("--keep", type=Amount(), help="Leave so many bytes, such as 20GiB.")
@click.option("--older", type=Length(), help="Remove what was not used for 7d, 12h …")
@click.option("--all", "everything", is_flag=True, help="Remove all.")
@_json
def gc(
    *, keep: int | None, older: float | None, everything: bool, as_json: bool
) -> None:
    """Remove models that no process uses, what was used longest ago first.

    Without an option: what is more than [storage] cache_bytes. What downloads that
    died have left goes after 7 days.
    """
    from inferry_storage.cache import cleaning

    here, policy = _cache()
    most = 0 if everything else keep
    if most is None and older is None:
        most = policy.cache_bytes or None
    gone = cleaning.clean_unused(here, older) if older is not None else []
    if most is not None:
        gone += cleaning.clean(here, most)
    cleaning.sweep(here, older=0.0 if everything else cleaning.KEPT)
    if as_json:
        click.echo(json.dumps([_facts(each) for each in gone], indent=2))
        return
    for each in gone:
        click.echo(f"removed {each.manifest.uri}, {amount(each.manifest.bytes)}")
    if not gone:
        click.echo("nothing to remove")


@cache.command(
    short_help="Remove models from the cache, by URI or key.",
    epilog=examples("cache rm s3://models/iris", "cache rm 3c60bfb6"),
)
@click.argument("which", metavar="URI|KEY", nargs=-1, required=True)
def rm(*, which: tuple[str, ...]) -> None:
    """Remove models from the cache, by their URI or the beginning of their key."""
    from inferry.storage import NotAllowed
    from inferry_storage.cache import cleaning

    here, _ = _cache()
    for each in _named(cleaning.kept(here), which):
        if not cleaning.remove(here, each.key):
            raise NotAllowed(
                f"{each.manifest.uri} is in use, so it stays",
                remedy="stop what serves it first",
            )
        click.echo(f"removed {each.manifest.uri}, {amount(each.manifest.bytes)}")


def _cache() -> tuple[Cache, Policy]:
    from inferry_storage.cache.folder import Cache
    from inferry_storage.policy import Policy

    policy = Policy.of(session().settings.section("storage"))
    return Cache(policy.cache_dir), policy


def _named(trees: list[Kept], which: tuple[str, ...]) -> list[Kept]:
    from inferry.storage import NotFound, shown_uri

    found = []
    for name in which:
        uri = shown_uri(name) if "://" in name else ""
        matched = [
            each
            for each in trees
            if each.manifest.uri == uri
            or (not uri and len(name) >= 4 and each.key.startswith(name))  # noqa: PLR2004
        ]
        if not matched:
            raise NotFound(
                f"the cache holds no {shown_uri(name)}",
                remedy="`inferry storage cache ls` lists what it holds",
            )
        found += matched
    return found


def _facts(tree: Kept) -> dict[str, Any]:
    known = tree.manifest
    return {
        "key": tree.key,
        "uri": known.uri,
        "snapshot": known.id,
        "rung": known.rung,
        "bytes": known.bytes,
        "files": len(known.files),
        "used": tree.used,
        "in_use": tree.in_use,
    }


def _row(tree: Kept) -> list[str]:
    known = tree.manifest
    return [
        tree.key[:_SHORT],
        amount(known.bytes),
        str(len(known.files)),
        f"{ago(tree.used)} ago",
        "in use" if tree.in_use else "",
        known.uri,
    ]
