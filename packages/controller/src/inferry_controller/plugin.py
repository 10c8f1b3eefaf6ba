"""Inferry's plugin descriptor: the settings of rendering and of the controller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.plugins import hookimpl
from inferry_controller.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry.plugins import SettingsSpec


@hookimpl
def inferry_settings() -> Iterable[SettingsSpec]:
    """Yield the settings of the sections ``kubernetes`` and ``controller``."""
    return SETTINGS
