"""How services are named on the command line, as kubectl does: ``isvc iris``."""

from __future__ import annotations

import click

#: Words for the kind, which may stand before the names or as ``isvc/NAME``.
WORDS = frozenset({"isvc", "inferenceservice", "inferenceservices"})


def names(arguments: tuple[str, ...]) -> list[str]:
    """Return the service names in *arguments*; the word for the kind is left out.

    Raises:
        click.UsageError: ``KIND/NAME`` of another kind.

    """
    rest = list(arguments)
    if rest and _kind(rest[0]) in WORDS:
        del rest[0]
    return [_name(argument) for argument in rest]


def one_name(arguments: tuple[str, ...]) -> str:
    """Return the only service name in *arguments*.

    Raises:
        click.UsageError: There is none, or more than one.

    """
    found = names(arguments)
    if len(found) != 1:
        msg = "name one service" if not found else f"name one service, not {len(found)}"
        raise click.UsageError(msg)
    return found[0]


def _name(argument: str) -> str:
    kind, slash, name = argument.rpartition("/")
    if slash and _kind(kind) not in WORDS:
        msg = f"{kind!r} is no kind that runs here; write isvc/{name}"
        raise click.UsageError(msg)
    return name


def _kind(word: str) -> str:
    return word.lower().partition(".")[0]
