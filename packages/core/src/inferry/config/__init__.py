"""Settings: inferry.toml, then the environment, then the command line.

Each setting is declared once, with type, default and help: core's here, those of
plugins through the hook ``inferry_settings``.
"""

from inferry.config._declaration import SettingsSpec
from inferry.config._settings import Setting, Settings, load_settings

__all__ = ["Setting", "Settings", "SettingsSpec", "load_settings"]
