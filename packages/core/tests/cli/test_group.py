"""The group: help without imports, suggestions, and errors as one line."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner

from inferry import __version__
from inferry.cli import main
from inferry.errors import InferryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

HEAVY = ("rich", "yaml", "msgspec", "numpy", "ray", "asyncio", "pluggy")


def loaded_modules(*args: str) -> set[str]:
    """Return the top-level modules that ``inferry ARGS`` has imported when it ends."""
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*sorted(m for m in sys.modules if '.' not in m),"
        " file=sys.stderr))\n"
        f"from inferry.cli import main\nmain({list(args)!r}, prog_name='inferry')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False
    )
    return set(done.stderr.split())


def test_help_imports_nothing_that_is_heavy() -> None:
    loaded = loaded_modules("--help")

    assert "click" in loaded
    assert not loaded & set(HEAVY)


def test_importing_inferry_imports_nothing_else() -> None:
    code = "import inferry, sys; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )

    assert not {"click", "rich", "yaml", "msgspec"} & set(done.stdout.split())


def test_help_lists_every_command_with_a_line(cli: Callable[..., Result]) -> None:
    result = cli("--help")

    assert result.exit_code == 0
    services = ("run", "apply", "get", "describe", "logs", "delete", "predict")
    for name in ("storage", *services):
        assert f"\n  {name} " in result.output
    for name in ("validate", "explain", "plugins", "config"):
        assert f"\n  {name} " in result.output


def test_a_plugins_command_is_listed_and_called(
    cli: Callable[..., Result], site: Any
) -> None:
    source = """
        import click

        @click.command()
        def greet():
            "Never shown in the list: that would need the import."
            click.echo("hello")
    """
    site.add(
        "acme-greet",
        {"acme_greet.py": source},
        plugins={"greet": "acme_greet:greet"},
        group="inferry.commands.v1",
    )

    listed = cli("--help")
    imported = "acme_greet" in sys.modules
    called = cli("greet")

    assert "greet" in listed.output
    assert "(from acme-greet)" in listed.output
    assert not imported
    assert called.output == "hello\n"


def test_a_plugins_command_that_cannot_be_imported_names_its_package(
    cli: Callable[..., Result], site: Any
) -> None:
    site.add(
        "acme-broken",
        {"acme_broken.py": "import not_there\n"},
        plugins={"broken": "acme_broken:command"},
        group="inferry.commands.v1",
    )

    result = cli("broken")

    assert result.exit_code == 1
    assert "(from acme-broken) cannot be loaded" in result.stderr
    assert "Traceback" not in result.output


def test_a_known_command_of_an_absent_package_says_what_to_install(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferry.cli._group.entry_points", dict)

    result = cli("run", "service.yaml")

    assert result.exit_code == 1
    assert result.stderr == (
        'error: inferry run needs the local backend\n  pip install "inferry[local]"\n'
    )


def test_an_unknown_command_gets_a_suggestion(cli: Callable[..., Result]) -> None:
    result = cli("aply", "service.yaml")

    assert result.exit_code == 2
    assert "there is no command 'aply'; did you mean 'apply'?" in result.output


def test_version(cli: Callable[..., Result]) -> None:
    assert cli("--version").output == f"inferry {__version__}\n"


def test_a_setting_without_equals_is_a_usage_error(cli: Callable[..., Result]) -> None:
    result = cli("--set", "gateway.port", "config")

    assert result.exit_code == 2
    assert "must read SECTION.KEY=VALUE" in result.output


def test_debug_shows_the_traceback(cli: Callable[..., Result], backend: Any) -> None:
    result = cli("get", "iri", INFERRY_DEBUG="1", INFERRY_BACKEND="fake")

    assert result.exit_code == 1
    assert type(result.exception).__name__ == "BackendError"


def test_python_m_inferry_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-m", "inferry", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"inferry {__version__}\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -I -m inferry --help | true"

    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""


@pytest.mark.parametrize(("value", "coloured"), [("1", False), ("", True)])
def test_no_color_is_honoured(
    value: str,
    *,
    coloured: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", value)
    file = str(tmp_path / "missing.yaml")

    for command in ("validate", "explain"):
        result = CliRunner().invoke(main, [command, file], color=True)
        assert ("\x1b[" in result.output) == coloured


def test_every_option_of_every_command_has_a_help() -> None:
    silent = [
        f"{path} {'/'.join(option.opts)}"
        for path, command in commands(main, "inferry")
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]

    assert silent == []


def test_every_command_has_a_help() -> None:
    assert [
        path for path, command in commands(main, "inferry") if not command.help
    ] == []


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command that is installed here, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        try:
            command = group.get_command(context, name)
        except InferryError:  # its package is absent, which is no fault of ours
            continue
        if command is not None and not command.hidden:
            yield f"{path} {name}", command
            if isinstance(command, click.Group):
                yield from commands(command, f"{path} {name}")
