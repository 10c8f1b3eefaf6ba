"""``inferry run``: serve YAML files or a Python class on this machine."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from inferry.cli._globals import current
from inferry.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from inferry.backends import ServiceStatus
    from inferry.config import Settings
    from inferry.plugins import Plugins
    from inferry_local.foreground import Runnable
    from inferry_local.reports import Reporter
    from inferry_local.watch import Reading, Targets

#: Whose folders `inferry run FILE.py:CLASS` trusts.
_TRUST = "plugins.python.trust"
_LEVELS = ["debug", "info", "warning", "error"]


@click.command()
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port; 0 takes any free one."
)
@click.option("--host", help="Address to listen on; default: this machine only.")
@click.option(
    "-n",
    "--namespace",
    default="default",
    show_default=True,
    help="For services that name no namespace.",
)
@click.option("--name", default="", help="Name of the service of FILE.py:CLASS.")
@click.option("--no-watch", is_flag=True, help="Do not apply edits of the files.")
@click.option(
    "--output",
    type=click.Choice(["live", "text", "json"]),
    help="Default: live on a terminal, else text. json prints an event per line.",
)
@click.option("--exit-when-failed", is_flag=True, help="End with 1 if a service fails.")
@click.option(
    "--log-level",
    type=click.Choice(_LEVELS),
    default="warning",
    show_default=True,
    help="What to log to stderr.",
)
def run(
    *,
    targets: tuple[str, ...],
    port: int | None,
    host: str | None,
    namespace: str,
    name: str,
    no_watch: bool,
    output: str | None,
    exit_when_failed: bool,
    log_level: str,
) -> None:
    """Serve YAML files, folders of them, or FILE.py:CLASS, until Ctrl-C.

    An edit of a file is applied as soon as it is saved. Without a target it waits for
    `inferry apply FILE`.
    """
    chosen = _targets(targets, name, namespace)
    reading = chosen.read()
    for warning in reading.warnings:
        click.echo(str(warning), err=True)
    if reading.errors:
        count = len(reading.errors)
        msg = f"{count} problem{'' if count == 1 else 's'}; nothing was started"
        raise InvalidDocument(msg, problems=[str(each) for each in reading.errors])
    settings = _settings(chosen, host, port)
    plugins = _plugins(settings)
    _check_port(settings)
    _check_plans(reading, plugins, settings)
    if not targets:
        text = "nothing to serve yet; give it services with `inferry apply FILE`"
        click.echo(text, err=True)
    _log_to_stderr(log_level)
    ctx = click.get_current_context()
    ctx.exit(
        asyncio.run(
            _serve(
                settings,
                plugins,
                chosen,
                reading,
                output=output,
                watch=not no_watch,
                exit_when_failed=exit_when_failed,
            )
        )
    )


async def _serve(
    settings: Settings,
    plugins: Plugins,
    targets: Targets,
    reading: Reading,
    *,
    output: str | None,
    watch: bool,
    exit_when_failed: bool,
) -> int:
    from inferry_local.foreground import Run
    from inferry_local.supervisor import Supervisor

    supervisor: Runnable = Supervisor(settings, plugins)
    run = Run(
        supervisor,
        reporter(output, supervisor.status),
        targets,
        watch=watch,
        exit_when_failed=exit_when_failed,
    )
    return await run.run(reading)


def reporter(
    output: str | None, services: Callable[[], Sequence[ServiceStatus]]
) -> Reporter:
    """Make what tells the user what happens: by default, what suits the terminal."""
    from inferry_local.reports import JsonReporter, TextReporter

    if output == "json":
        return JsonReporter(sys.stdout)
    if output == "text" or (output is None and not sys.stdout.isatty()):
        return TextReporter(sys.stdout)
    from rich.console import Console

    from inferry_local.live import LiveReporter

    return LiveReporter(Console(), services)


def _targets(names: tuple[str, ...], name: str, namespace: str) -> Targets:
    from inferry_local.quick import parse
    from inferry_local.watch import Targets

    paths, quick = [], []
    for text in names:
        try:
            target = parse(text, name=name, namespace=namespace)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        if target is None:
            paths.append(Path(text))
        else:
            quick.append(target)
    if name and len(quick) != 1:
        msg = "--name needs exactly one FILE.py:CLASS"
        raise click.UsageError(msg)
    return Targets(paths=tuple(paths), quick=tuple(quick), namespace=namespace)


def _settings(targets: Targets, host: str | None, port: int | None) -> Settings:
    overrides = {}
    if host is not None:
        overrides["local.host"] = host
    if port is not None:
        overrides["local.port"] = str(port)
    if targets.quick:
        # Naming a file on the command line is the consent to run it.
        folders = dict.fromkeys(str(target.folder) for target in targets.quick)
        overrides[_TRUST] = json.dumps(list(folders))
    given = current()
    settings = given.settings(overrides)
    _export(given.config, {**given.overrides, **overrides})
    return settings


def _export(config: Path | None, overrides: Mapping[str, str]) -> None:
    """Let replicas have the settings of this command line.

    They read settings themselves, from the environment they inherit; another folder or
    another command line must not make them read others.
    """
    file = config or Path(os.environ.get("INFERRY_CONFIG") or "inferry.toml")
    if file.is_file():
        os.environ["INFERRY_CONFIG"] = str(file.absolute())
    for name, text in overrides.items():
        variable = "__".join(name.split(".")).replace("-", "_").upper()
        os.environ[f"INFERRY_{variable}"] = text


def _plugins(settings: Settings) -> Plugins:
    from inferry.plugins import load_plugins

    plugins = load_plugins("local", settings)
    # Without the plugin nobody takes the trust that a class on the command line is
    # given; the refusal says what to install, and nobody wrote such a setting.
    given = [text for text in settings.warnings if f"--set {_TRUST}" not in text]
    for problem in (*plugins.problems, *given):
        click.echo(f"warning: {problem}", err=True)
    return plugins


def _check_port(settings: Settings) -> None:
    from inferry_local._ports import check, loopback

    host = str(_of_endpoint(settings, "host"))
    if not loopback(host):
        text = f"warning: listening on {host}: whoever reaches it can use every model"
        click.echo(text, err=True)
    check(host, int(_of_endpoint(settings, "port")))


def _of_endpoint(settings: Settings, key: str) -> str | int:
    """Return ``local.<key>``, or the gateway's where that is not set."""
    value: str | int | None = settings.value("local", key)
    return settings.value("gateway", key) if value is None else value


def _check_plans(reading: Reading, plugins: Plugins, settings: Settings) -> None:
    """Start nothing for a document that could only be refused."""
    from inferry.api import InferenceService
    from inferry_local.applying import plan_services

    documents = reading.documents
    services = [each for each in documents if isinstance(each, InferenceService)]
    runtimes = [each for each in documents if not isinstance(each, InferenceService)]
    plan_services(services, runtimes, plugins, settings)


def _log_to_stderr(level: str) -> None:
    import logging
    import warnings

    class Handler(logging.StreamHandler[TextIO]):
        """Writes to the stderr of the moment, which the live view takes over."""

        def emit(self, record: logging.LogRecord) -> None:
            self.stream = sys.stderr
            super().emit(record)

    logging.basicConfig(
        level=level.upper(),
        handlers=[Handler()],
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    if level != "debug" and not sys.warnoptions:
        # What libraries tell their developers is no business of who runs a service.
        warnings.simplefilter("ignore")
