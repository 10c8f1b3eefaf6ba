"""Settings: inferry.toml, then the environment, then the command line.

Each setting is declared once, with type, default and help: core's here, those of
plugins through the hook ``inferry_settings``.
"""

from inferry.config._declaration import SettingsSpec
from inferry.config._settings import Setting, Settings, load_settings
from inferry.config._sources import Given, read_text
from inferry.config._specs import SECTION_OWNERS

__all__ = [
    "SECTION_OWNERS",
    "Given",
    "Setting",
    "Settings",
    "SettingsSpec",
    "load_settings",
    "read_text",
]
