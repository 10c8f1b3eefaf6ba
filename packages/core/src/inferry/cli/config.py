"""``inferry config``: every setting, its value and where that comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from inferry.cli._globals import current
from inferry.cli._table import print_table

if TYPE_CHECKING:
    from inferry.config import Setting


@click.command
@click.argument("prefix", default="", metavar="[SECTION[.KEY]]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def config(prefix: str, *, as_json: bool) -> None:
    """Print every setting with its value, its origin and what it is for.

    SECTION or SECTION.KEY prints only those. Secrets are never printed.
    """
    from inferry.plugins import load_plugins

    settings = current().settings()
    problems = load_plugins("cli", settings).problems
    chosen = [setting for setting in settings.all() if _below(setting, prefix)]
    if not chosen:
        msg = f"there is no setting {prefix!r}; `inferry config` lists them"
        raise click.UsageError(msg)
    if as_json:
        click.echo(json.dumps([_as_dict(setting) for setting in chosen], indent=2))
    else:
        print_table(("SETTING", "VALUE", "ORIGIN", "HELP"), [_row(s) for s in chosen])
    for warning in settings.warnings:
        click.echo(f"warning: {warning}", err=True)
    if problems:
        count = len(problems)
        text = (
            "a plugin has a problem" if count == 1 else f"{count} problems in plugins"
        )
        click.echo(f"warning: {text}; `inferry plugins doctor` says more", err=True)


def _below(setting: Setting, prefix: str) -> bool:
    name = f"{setting.spec.section}.{setting.spec.key}."
    return not prefix or name.startswith(f"{prefix}.")


def _row(setting: Setting) -> tuple[str, str, str, str]:
    spec = setting.spec
    return (
        f"{spec.section}.{spec.key}",
        _text(setting.shown),
        setting.origin,
        spec.help,
    )


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return ",".join(map(str, value))
        case dict():
            return ",".join(f"{key}={item}" for key, item in value.items())
    return str(value)


def _as_dict(setting: Setting) -> dict[str, Any]:
    spec = setting.spec
    return {
        "section": spec.section,
        "key": spec.key,
        "value": setting.shown,
        "origin": setting.origin,
        "type": spec.type,
        "default": spec.default,
        "help": spec.help,
        "secret": spec.secret,
    }
