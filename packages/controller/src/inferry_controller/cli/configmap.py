"""``inferry configmap``: what a cluster's ConfigMap says, before anybody applies it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.config import Setting
    from inferry_controller.configuration import Configuration


@click.command
@click.argument(
    "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE"
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def configmap(file: Path, *, as_json: bool) -> None:
    """Print the settings that the ConfigMap inferenceservice-config in FILE gives.

    Each with its value and the key it came from: KServe's keys, and inferry.toml. Keys
    without effect here are named with the reason, all that is wrong is told at once.
    Exits with 1 where something is wrong. No cluster is asked.
    """
    from inferry_controller.configuration import of_file

    found = of_file(file)
    given = _given(found)
    if as_json:
        click.echo(json.dumps(_as_dict(found, given), indent=2))
    else:
        _print(found, given)
    if found.problems:
        click.get_current_context().exit(1)


def _given(found: Configuration) -> list[Setting]:
    """Return the settings that the ConfigMap decides, plugins' own included."""
    from inferry.plugins import load_plugins

    settings = found.settings({})
    load_plugins("cli", settings)
    return [each for each in settings.all() if each.origin.startswith("ConfigMap ")]


def _print(found: Configuration, given: Sequence[Setting]) -> None:
    from inferry.cli._table import print_table

    rows = [
        (_name(each), json.dumps(each.shown, ensure_ascii=False), each.origin)
        for each in given
    ]
    print_table(("SETTING", "VALUE", "ORIGIN"), rows)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    for problem in found.problems:
        click.echo(f"error: {problem}", err=True)


def _as_dict(found: Configuration, given: Sequence[Setting]) -> dict[str, Any]:
    return {
        "settings": [
            {"setting": _name(each), "value": each.shown, "origin": each.origin}
            for each in given
        ],
        "notes": found.notes,
        "problems": found.problems,
    }


def _name(setting: Setting) -> str:
    return f"{setting.spec.section}.{setting.spec.key}"
