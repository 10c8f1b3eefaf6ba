"""Who asks a plugin: the one argument of every hook."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.plugins._descriptors import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Who is asking. New facts become new attributes, never new hook arguments."""

    role: Role
    core_version: str
    # Not in the repr, which a traceback may show: settings hold secrets.
    plugin_settings: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict, repr=False
    )

    def settings(self, plugin: str) -> Mapping[str, Any]:
        """Return ``[plugins.<plugin>]`` as configured; empty where nothing is."""
        return self.plugin_settings.get(plugin, {})
