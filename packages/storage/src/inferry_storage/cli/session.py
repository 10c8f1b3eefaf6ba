"""What every command does: settings, plugins, one coroutine, an end by Ctrl-C."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import click
import msgspec

from inferry.cli._globals import current
from inferry.config import Settings  # noqa: TC001 - a field
from inferry.plugins import Plugins  # noqa: TC001 - a field

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

_T = TypeVar("_T")


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """The settings and the plugins of this invocation."""

    settings: Settings
    plugins: Plugins


def session(overrides: Mapping[str, str] | None = None) -> Session:
    """Load settings, with *overrides* of ``[storage]`` over them, and plugins."""
    from inferry.plugins import load_plugins

    named = {f"storage.{key}": value for key, value in (overrides or {}).items()}
    settings = current().settings(named)
    return Session(settings=settings, plugins=load_plugins("cli", settings))


def run(work: Coroutine[object, object, _T], *, again: str = "") -> _T:
    """Run *work*; say after Ctrl-C what happens *again*."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        click.echo(f"\nstopped{again}", err=True)
        raise
