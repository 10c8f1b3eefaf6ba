"""The group ``inferry``: finds commands lazily, and turns errors into one line."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inferry import __version__
from inferry.cli._commands import KNOWN, entry_points, source
from inferry.cli._errors import DEBUG, report
from inferry.cli._globals import Globals
from inferry.errors import InferryError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

#: What a shell reports for a command that Ctrl-C ended.
_INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, never for help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the table's commands in its order, then those of plugins."""
        del ctx
        return [*KNOWN, *sorted(entry_points().keys() - KNOWN.keys())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command called *cmd_name*; None where there is none."""
        known = KNOWN.get(cmd_name)
        if known is not None and known.target:
            return _imported(cmd_name, known.target)
        point = entry_points().get(cmd_name)
        if point is not None:
            return _loaded(point)
        if known is not None:
            msg = f"inferry {cmd_name} needs {known.needs}"
            raise InferryError(msg, remedy=known.install)
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            ctx.fail(f"there is no command {name!r}{_meant(name, self, ctx)}")
        return super().resolve_command(ctx, args)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write one line per command from the table; nothing is imported."""
        del ctx
        points = entry_points()
        rows = [
            (name, _line(name, known.help, installed=known.target or name in points))
            for name, known in KNOWN.items()
        ]
        rows += [
            (name, source(points[name]))
            for name in sorted(points.keys() - KNOWN.keys())
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click's
        """Run the command; an error of ours becomes a message and an exit code."""
        try:
            return super().invoke(ctx)
        except InferryError as error:
            if os.environ.get(DEBUG) == "1":
                raise
            ctx.exit(report(error))
        except KeyboardInterrupt:
            ctx.exit(_INTERRUPTED)
        except BrokenPipeError:
            # The reader (`head`, `grep -q`) has what it wanted. Python would complain
            # once more when it flushes stdout at exit, so that goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            ctx.exit(0)


def _imported(name: str, target: str) -> click.Command:
    module, _, attribute = target.partition(":")
    command = getattr(import_module(module), attribute)
    if not isinstance(command, click.Command):
        msg = f"{target} is no click command"
        raise InferryError(msg, remedy=f"reinstall what brings `inferry {name}`")
    return command


def _loaded(point: EntryPoint) -> click.Command:
    try:
        return _imported(point.name, point.value)
    except (ImportError, AttributeError) as error:
        origin = source(point)
        msg = f"inferry {point.name} {origin} cannot be loaded: {error}"
        raise InferryError(msg, remedy="reinstall or remove that package") from error


def _line(name: str, text: str, *, installed: str | bool) -> str:
    return text if installed else f"{text} Needs: {KNOWN[name].install}"


def _meant(name: str, group: LazyGroup, ctx: click.Context) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, group.list_commands(ctx), n=1)
    return f"; did you mean {close[0]!r}?" if close else "; `inferry --help` lists them"


def _version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click calls it so
    if not value or ctx.resilient_parsing:
        return
    click.echo(f"inferry {__version__}")
    ctx.exit()


def _assignments(
    _ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    settings = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not equals or "." not in key:
            msg = f"{value!r} must read SECTION.KEY=VALUE"
            raise click.BadParameter(msg)
        settings[key.strip()] = text
    return settings


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="INFERRY_DEBUG=1 shows the traceback of an error, NO_COLOR=1 no colours.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file; default: $INFERRY_CONFIG, then ./inferry.toml.",
)
@click.option(
    "--set",
    "overrides",
    metavar="SECTION.KEY=VALUE",
    multiple=True,
    callback=_assignments,
    help="Change one setting; may be repeated.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Print the version.",
)
@click.pass_context
def main(ctx: click.Context, config: Path | None, overrides: dict[str, str]) -> None:
    """Serve machine-learning models from one declarative file.

    Start with `inferry run service.yaml`, then ask with `inferry predict NAME`.
    """
    ctx.obj = Globals(config=config, overrides=overrides)
    if os.environ.get("NO_COLOR"):  # https://no-color.org, which click leaves to us
        ctx.color = False
