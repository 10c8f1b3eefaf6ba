"""The options before the command: the settings file, and single settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inferry.config import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Globals:
    """What ``--config`` and ``--set`` said; ``ctx.obj`` of every command."""

    config: Path | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)

    def settings(self, overrides: Mapping[str, str] | None = None) -> Settings:
        """Load the settings; *overrides* of the command win over ``--set``."""
        from inferry.config import load_settings

        return load_settings(
            path=self.config, overrides={**self.overrides, **(overrides or {})}
        )


def current() -> Globals:
    """Return the options of the invocation that runs now; defaults outside of one."""
    ctx = click.get_current_context(silent=True)
    found = ctx.find_object(Globals) if ctx is not None else None
    return found if found is not None else Globals()
