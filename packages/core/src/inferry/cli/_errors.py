"""How an error reaches the user: what is wrong, then what to do, on stderr."""

from __future__ import annotations

import click

from inferry.errors import (
    BackendError,
    InferryError,
    InvalidDocument,
    SettingsError,
    StorageError,
)

#: The environment variable that asks for tracebacks.
DEBUG = "INFERRY_DEBUG"


def report(error: InferryError) -> int:
    """Print *error* to stderr and return the exit code it asks for."""
    if isinstance(error, InvalidDocument | SettingsError):
        for problem in error.problems:
            click.echo(problem, err=True)
    click.echo(
        f"{click.style('error:', fg='red', bold=True)} {error.message}", err=True
    )
    for line in error.remedy.splitlines():
        click.echo(f"  {line}", err=True)
    return error.exit_code if isinstance(error, BackendError | StorageError) else 1
