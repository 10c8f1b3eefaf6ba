"""``inferry storage pull``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inferry_storage.cli.examples import examples
from inferry_storage.cli.session import Session, run, session
from inferry_storage.cli.words import amount, files
from inferry_storage.policy import RUNGS

if TYPE_CHECKING:
    from inferry_storage.fetching.caching import Fetched

_AGAIN = "; the same command again goes on where this one was"


def _folder(_ctx: click.Context, _parameter: click.Parameter, given: str) -> Path:
    """Refuse the value of a variable that is not set: it would be the folder here."""
    if not given:
        raise click.BadParameter("it is empty; '.' is the folder that you are in")
    return Path(given)


@click.command(
    epilog=examples(
        "pull s3://models/iris ./iris",
        "pull hf://owner/model ./model --allow '*.safetensors' --allow '*.json'",
        "pull https://example.com/iris.tar.gz ./iris --unpack",
        "pull oci://ghcr.io/owner/model:1 ./model --require digest",
    )
)
@click.argument("uri")
@click.argument("dest", callback=_folder)
@click.option("--unpack", is_flag=True, help="Unpack a model that is one archive.")
@click.option(
    "--allow",
    multiple=True,
    metavar="PATTERN",
    help="Fetch only files that match, such as '*.safetensors'; may be repeated.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="PATTERN",
    help="Do not fetch files that match; may be repeated.",
)
@click.option(
    "--require",
    type=click.Choice(RUNGS),
    help="Refuse bytes of which less is known.",
)
@click.option(
    "--no-cache",
    is_flag=True,
    help="Keep nothing but DEST, so that another pull elsewhere fetches again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def pull(
    *,
    uri: str,
    dest: Path,
    unpack: bool,
    allow: tuple[str, ...],
    ignore: tuple[str, ...],
    require: str | None,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Put the model at URI into the folder DEST: all of it, or nothing.

    The bytes stay in the cache too, as hard links where it is on the same disk: the
    same model elsewhere is not fetched again.

    It shows its progress on stderr: a bar on a terminal, elsewhere a line of JSON per
    event.
    """
    overrides = {}
    if unpack:
        overrides["unpack"] = "true"
    if allow:
        overrides["allow_patterns"] = json.dumps(allow)
    if ignore:
        overrides["ignore_patterns"] = json.dumps(ignore)
    if require:
        overrides["require"] = require
    this = session(overrides)
    pulled = _pulled(this, uri, dest, by_cache=not no_cache)
    fetched = run(pulled, again=_AGAIN)
    if as_json:
        from inferry_storage.events import result

        click.echo(json.dumps(result(fetched), indent=2))
    else:
        click.echo(_told(fetched))


async def _pulled(this: Session, uri: str, dest: Path, *, by_cache: bool) -> Fetched:
    from inferry.storage import Source
    from inferry_storage.cli.showing import shown
    from inferry_storage.fetching.pulling import pull as pull_to

    with shown() as tell:
        return await pull_to(
            Source(uri=uri),
            dest,
            plugins=this.plugins,
            settings=this.settings,
            on_progress=tell,
            by_cache=by_cache,
        )


def _told(fetched: Fetched) -> str:
    if fetched.rung == "local":
        return f"{fetched.path}: links to {fetched.uri}"
    what = f"{files(fetched.files)}, {amount(fetched.bytes)}"
    came = f"{amount(fetched.bytes_fetched)} fetched"
    return f"{fetched.path}: {what}, {came}, verified by {fetched.rung}"
