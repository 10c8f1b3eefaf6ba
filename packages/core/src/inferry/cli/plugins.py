"""``inferry plugins``: what is installed, what is wrong, what a cluster needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from inferry.cli._globals import current
from inferry.cli._plugin_facts import (
    descriptors_of,
    documents,
    find,
    installed_facts,
    missing_extras,
    problem_facts,
    problems_of,
    record_facts,
    unknown,
    without_ours,
)
from inferry.cli._table import print_table
from inferry.errors import InferryError

if TYPE_CHECKING:
    from inferry.config import Settings
    from inferry.plugins import Plugins

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group
def plugins() -> None:
    """List, check and render plugins."""


@plugins.command("list")
@_json
@click.option("--load", is_flag=True, help="Import them too, and say what they add.")
def list_(*, as_json: bool, load: bool) -> None:
    """List the installed plugins, from their metadata alone."""
    from inferry.plugins import discover

    settings = current().settings()
    if load:
        loaded = _load(settings)
        rows = [record_facts(record) for record in loaded.records]
        count = len(loaded.problems)
    else:
        installed, problems = discover("cli", settings)
        rows = [installed_facts(plugin) for plugin in installed]
        count = len(problems)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo('No plugins are installed; try: pip install "inferry[local,onnx]"')
        return
    columns = ("name", "distribution", "version", "status", "provides", "ms", "why")
    print_table(
        [column.upper() for column in columns],
        [[_cell(row.get(column)) for column in columns] for row in rows],
    )
    if count:
        click.echo(f"{_count(count)}; `inferry plugins doctor` says more", err=True)


@plugins.command
@click.argument("name")
@_json
def show(name: str, *, as_json: bool) -> None:
    """Show all there is to know about the plugin NAME."""
    loaded = _load(current().settings())
    record = find(name, loaded.records)
    facts = record_facts(record) | {
        "module": record.installed.value,
        "file": record.file,
        "requires": f"inferry{record.installed.requires}",
        "problems": [str(problem) for problem in problems_of(record, loaded.problems)],
        "descriptors": [
            {"kind": type(item.descriptor).__name__, **_builtins(item.descriptor)}
            for item in descriptors_of(record, loaded)
        ],
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        told = {key: value for key, value in facts.items() if value not in ("", [])}
        click.echo(_yaml(told), nl=False)


@plugins.command
@_json
@click.option("-v", "--verbose", is_flag=True, help="Print tracebacks.")
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool, verbose: bool) -> None:
    """Load every plugin and list what is wrong; exit 1 if anything is."""
    settings = current().settings()
    loaded = _load(settings)
    if as_json:
        click.echo(json.dumps([problem_facts(p) for p in loaded.problems], indent=2))
    else:
        _print_problems(loaded, settings, verbose=verbose)
    ctx.exit(1 if loaded.problems else 0)


@plugins.command
@click.argument("name")
@click.option("--kserve", is_flag=True, help="Leave out what only Inferry reads.")
@_json
def render(name: str, *, kserve: bool, as_json: bool) -> None:
    """Print what a cluster needs to run NAME without the plugin.

    NAME is a plugin, a runtime or a storage backend. A runtime becomes a
    ClusterServingRuntime, a storage backend a ClusterStorageContainer.
    """
    settings = current().settings()
    found = documents(name, settings, _load(settings))
    if kserve:
        found = [without_ours(document) for document in found]
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo("---\n".join(map(_yaml, found)), nl=False)


@plugins.command
@click.argument("name")
@click.option("-v", "--verbose", is_flag=True, help="Print each test.")
@click.pass_context
def check(ctx: click.Context, name: str, *, verbose: bool) -> None:
    """Run the compliance kit against the installed plugin NAME."""
    from importlib.util import find_spec

    from inferry.plugins import discover

    installed, _ = discover("cli", current().settings())
    if name not in {plugin.name for plugin in installed}:
        raise unknown(name, [plugin.name for plugin in installed])
    if find_spec("pytest") is None:
        raise InferryError(
            "the kit needs pytest", remedy="pip install 'inferry[testing]'"
        )
    from inferry.testing import run_kit

    ctx.exit(run_kit(name, verbose=verbose))


def _load(settings: Settings) -> Plugins:
    from inferry.plugins import load_plugins

    return load_plugins("cli", settings)


def _print_problems(loaded: Plugins, settings: Settings, *, verbose: bool) -> None:
    for problem in loaded.problems:
        click.echo(f"{click.style('problem:', fg='red', bold=True)} {problem.message}")
        click.echo(f"  {problem.remedy}")
        if verbose and problem.__cause__ is not None:
            click.echo(_traceback(problem.__cause__))
    for warning in settings.warnings:
        click.echo(f"warning: {warning}")
    for note in missing_extras(loaded):
        click.echo(f"note: {note}")
    working = sum(record.status == "loaded" for record in loaded.records)
    plural = "" if working == 1 else "s"
    click.echo(f"{working} plugin{plural} loaded, {_count(len(loaded.problems))}")


def _traceback(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error)).rstrip()


def _count(problems: int) -> str:
    if not problems:
        return "no problems"
    return "1 problem" if problems == 1 else f"{problems} problems"


def _cell(value: object) -> str:
    if isinstance(value, list):
        names = [name for name in value if not name.startswith("setting ")]
        settings = len(value) - len(names)
        if settings:
            names.append("1 setting" if settings == 1 else f"{settings} settings")
        return ", ".join(names)
    return "" if value is None else str(value)


def _builtins(descriptor: object) -> dict[str, Any]:
    import msgspec

    fields: dict[str, Any] = msgspec.to_builtins(descriptor)
    return fields


def _yaml(document: object) -> str:
    import yaml

    text: str = yaml.safe_dump(document, sort_keys=False, width=88)
    return text
