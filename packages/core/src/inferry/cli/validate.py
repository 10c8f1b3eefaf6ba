"""``inferry validate``: every problem of the files, before anything is served."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.api import Loaded, Located, Problem

_COLOURS = {"error": "red", "warning": "yellow"}


@click.command
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--output",
    "-o",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print it.",
)
def validate(files: tuple[str, ...], output: str) -> None:
    """List every problem of each FILE: YAML or JSON, a folder, or - for standard input.

    Exits with 1 when there is an error; warnings alone are fine.
    """
    from inferry.api import load

    loaded = load(files)
    if output == "json":
        click.echo(json.dumps(_as_json(loaded), indent=2))
    else:
        for line in _text(loaded):
            click.echo(line)
    if loaded.errors:
        click.get_current_context().exit(1)


def _text(loaded: Loaded) -> Iterator[str]:
    for located in loaded.documents:
        yield f"{located.origin.file}: {_title(located)} is valid"
    for problem in loaded.problems:
        yield _coloured(problem)
    # A single line, such as that a file does not exist, sums itself up.
    if loaded.problems and len(loaded.problems) + len(loaded.documents) > 1:
        yield _summary(loaded)


def _title(located: Located) -> str:
    document = located.document
    metadata = document.metadata
    return (
        f"{document.kind} {'/'.join(filter(None, (metadata.namespace, metadata.name)))}"
    )


def _coloured(problem: Problem) -> str:
    severity = click.style(problem.severity, fg=_COLOURS[problem.severity])
    return str(problem).replace(f"{problem.severity}: ", f"{severity}: ", 1)


def _summary(loaded: Loaded) -> str:
    counts = (
        _count(len(loaded.errors), "error"),
        _count(len(loaded.warnings), "warning"),
        _count(len(loaded.documents), "valid document"),
    )
    return ", ".join(filter(None, counts))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}" if number else ""


def _as_json(loaded: Loaded) -> dict[str, Any]:
    import msgspec

    return {
        "valid": not loaded.errors,
        "documents": [_document(located) for located in loaded.documents],
        "problems": msgspec.to_builtins(loaded.problems),
    }


def _document(located: Located) -> dict[str, Any]:
    document = located.document
    return {
        "file": located.origin.file,
        "line": located.origin.line,
        "apiVersion": document.api_version,
        "kind": document.kind,
        "namespace": document.metadata.namespace,
        "name": document.metadata.name,
    }
