"""``inferry plugins``: what is installed, what is wrong, what a cluster needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from inferry._suggest import did_you_mean
from inferry.cli._globals import current
from inferry.cli._table import print_table
from inferry.errors import InferryError, PluginError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry.config import Settings
    from inferry.plugins import Installed, PluginRecord, Plugins, Provided

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
        rows = [_record(record) for record in loaded.records]
        count = len(loaded.problems)
    else:
        installed, problems = discover("cli", settings)
        rows = [_installed(plugin) for plugin in installed]
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
    record = _find(name, loaded.records)
    facts = _record(record) | {
        "module": record.installed.value,
        "file": record.file,
        "requires": f"inferry{record.installed.requires}",
        "problems": [str(problem) for problem in _problems_of(record, loaded.problems)],
        "descriptors": [
            {"kind": type(item.descriptor).__name__, **_builtins(item.descriptor)}
            for item in _descriptors(record, loaded)
        ],
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        click.echo(_yaml(facts), nl=False)


@plugins.command
@_json
@click.option("-v", "--verbose", is_flag=True, help="Print tracebacks.")
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool, verbose: bool) -> None:
    """Load every plugin and list what is wrong; exit 1 if anything is."""
    from inferry.plugins import load_plugins

    settings = current().settings()
    try:
        loaded = load_plugins("cli", settings)
    except SettingsError as error:
        raise InferryError(
            "\n".join((*error.problems, error.message)),
            remedy="correct the settings, then run this again",
        ) from error
    if as_json:
        click.echo(json.dumps([_problem(p) for p in loaded.problems], indent=2))
    else:
        _print_problems(loaded, settings, verbose=verbose)
    ctx.exit(1 if loaded.problems else 0)


@plugins.command
@click.argument("name")
@click.option(
    "--kserve",
    is_flag=True,
    help="Leave out what only Inferry reads.",
)
@_json
def render(name: str, *, kserve: bool, as_json: bool) -> None:
    """Print what a cluster needs to run NAME without the plugin.

    NAME is a plugin, a runtime or a storage backend. A runtime becomes a
    ClusterServingRuntime, a storage backend a ClusterStorageContainer.
    """
    documents = _documents(name, _settled())
    if kserve:
        documents = [_without_ours(document) for document in documents]
    if as_json:
        click.echo(json.dumps(documents, indent=2))
    else:
        click.echo("---\n".join(_yaml(document) for document in documents), nl=False)


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
        raise _unknown(name, [plugin.name for plugin in installed])
    if find_spec("pytest") is None:
        raise InferryError(
            "the kit needs pytest", remedy="pip install 'inferry[testing]'"
        )
    from inferry.testing import run_kit

    ctx.exit(run_kit(name, verbose=verbose))


def _load(settings: Settings) -> Plugins:
    from inferry.plugins import load_plugins

    return load_plugins("cli", settings)


def _settled() -> tuple[Settings, Plugins]:
    settings = current().settings()
    return settings, _load(settings)


def _installed(plugin: Installed) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "status": plugin.verdict,
        "why": plugin.why,
    }


def _record(record: PluginRecord) -> dict[str, Any]:
    return _installed(record.installed) | {
        "status": record.status,
        "why": record.why,
        "provides": list(record.provides),
        "ms": record.milliseconds,
    }


def _problem(problem: PluginError) -> dict[str, str]:
    return {
        "kind": type(problem).__name__,
        "plugin": problem.plugin,
        "distribution": problem.distribution,
        "message": problem.message,
        "remedy": problem.remedy,
    }


def _print_problems(loaded: Plugins, settings: Settings, *, verbose: bool) -> None:
    for problem in loaded.problems:
        click.echo(f"{click.style('problem:', fg='red', bold=True)} {problem.message}")
        click.echo(f"  {problem.remedy}")
        if verbose and problem.__cause__ is not None:
            click.echo(_traceback(problem.__cause__))
    for warning in settings.warnings:
        click.echo(f"warning: {warning}")
    for note in _missing_extras(loaded):
        click.echo(f"note: {note}")
    working = sum(record.status == "loaded" for record in loaded.records)
    plural = "" if working == 1 else "s"
    click.echo(f"{working} plugin{plural} loaded, {_count(len(loaded.problems))}")


def _missing_extras(loaded: Plugins) -> Iterable[str]:
    from inferry.plugins import lacks_extra

    for item in loaded.runtimes():
        model = item.descriptor.model
        if model is None or model.extra is None:
            continue
        if lacks_extra(item.distribution, model.extra):
            yield (
                f"runtime {item.descriptor.name!r} cannot serve on this machine yet; "
                f"pip install '{item.distribution}[{model.extra}]'"
            )


def _traceback(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error)).rstrip()


def _count(problems: int) -> str:
    if not problems:
        return "no problems"
    return "1 problem" if problems == 1 else f"{problems} problems"


def _find(name: str, records: Iterable[PluginRecord]) -> PluginRecord:
    by_name: dict[str, PluginRecord] = {}
    for record in records:
        by_name.setdefault(record.installed.distribution, record)
    by_name |= {r.installed.name: r for r in reversed(tuple(records))}
    if name not in by_name:
        raise _unknown(name, by_name)
    return by_name[name]


def _unknown(name: str, known: Iterable[str]) -> InferryError:
    return InferryError(
        f"no plugin {name!r} is installed{did_you_mean(name, known)}",
        remedy="`inferry plugins list` lists those that are",
    )


def _problems_of(
    record: PluginRecord, problems: Iterable[PluginError]
) -> list[PluginError]:
    mine = (record.installed.name, record.installed.distribution)
    return [p for p in problems if (p.plugin, p.distribution) == mine]


def _descriptors(record: PluginRecord, loaded: Plugins) -> list[Provided[Any]]:
    mine = (record.installed.name, record.installed.distribution)
    return [
        item
        for items in (
            loaded.runtimes(),
            loaded.storage_backends(),
            loaded.autoscaling_policies(),
            loaded.settings(),
        )
        for item in items
        if (item.plugin, item.distribution) == mine
    ]


def _documents(name: str, host: tuple[Settings, Plugins]) -> list[dict[str, Any]]:
    from inferry.planning import render_runtime, render_storage

    settings, loaded = host
    documents = [
        render_runtime(item, settings)
        for item in loaded.runtimes()
        if name in (item.plugin, item.descriptor.name, *item.descriptor.aliases)
        and (item.descriptor.container or item.plugin != name)
    ]
    documents += [
        render_storage(item, settings)
        for item in loaded.storage_backends()
        if name in (item.plugin, item.descriptor.name)
        and (item.descriptor.container or item.plugin != name)
    ]
    if not documents:
        record = _find(name, loaded.records)
        why = record.why or "it has no runtime or storage backend with a container"
        raise InferryError(f"nothing to render for {name!r}: {why}")
    return documents


def _without_ours(document: dict[str, Any]) -> dict[str, Any]:
    document = document | {"metadata": dict(document["metadata"])}
    metadata = document["metadata"]
    kept = {
        key: value
        for key, value in metadata.pop("annotations", {}).items()
        if not key.startswith("inferry.dev/")
    }
    if kept:
        metadata["annotations"] = kept
    return document


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)


def _builtins(descriptor: object) -> dict[str, Any]:
    import msgspec

    fields: dict[str, Any] = msgspec.to_builtins(descriptor)
    return fields


def _yaml(document: object) -> str:
    import yaml

    text: str = yaml.safe_dump(document, sort_keys=False, width=88)
    return text
