"""What the help of a command shows can be typed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click
import pytest

from inferry_storage.cli import group

if TYPE_CHECKING:
    from collections.abc import Iterator


def commands(
    above: click.Group, *names: str
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name in above.list_commands(click.Context(above)):
        found = above.get_command(click.Context(above), name)
        if isinstance(found, click.Group):
            yield from commands(found, *names, name)
        elif found is not None:
            yield (*names, name), found


@pytest.mark.parametrize("name", [" ".join(names) for names, _ in commands(group)])
def test_every_example_of_a_command_parses(name: str, command: Any) -> None:
    shown = command(*name.split(), "--help").stdout.partition("Examples:\n")[2]
    found = dict(commands(group))[tuple(name.split())]
    lines = shown.splitlines()
    assert lines
    for line in lines:
        words = shlex.split(line.strip().removeprefix(f"inferry storage {name}"))
        with found.make_context(name, words) as context:
            assert context.params
