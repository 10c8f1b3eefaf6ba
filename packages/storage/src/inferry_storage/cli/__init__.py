"""``inferry storage``: pull, look at and clean up what models are made of."""

from __future__ import annotations

from importlib import import_module

import click

__all__ = ["group"]

#: Command -> where it is; imported when it is called or its help is shown.
_COMMANDS = {
    "pull": "pulling:pull",
    "ls": "looking:ls",
    "stat": "looking:stat",
    "verify": "verifying:verify",
    "whoami": "looking:whoami",
    "cache": "cached:cache",
}
_PACKAGE = "inferry_storage.cli"


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(f"{_PACKAGE}.{module}"), attribute)
        return found if isinstance(found, click.Command) else None


@click.group(name="storage", cls=_Commands)
def group() -> None:
    """Pull models, look at them where they are, and clean up the cache."""
