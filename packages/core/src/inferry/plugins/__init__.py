"""The plugin contract: hooks, descriptors, the host and the loader."""

from inferry.config import SettingsSpec
from inferry.plugins._collect import Provided
from inferry.plugins._descriptors import (
    PROTOCOLS,
    AutoscalingPolicy,
    ContainerTemplate,
    ImportRef,
    ModelFormat,
    Option,
    Role,
    Runtime,
    StorageBackend,
)
from inferry.plugins._discovery import Installed, discover
from inferry.plugins._dispatch import backends_for
from inferry.plugins._hookspecs import API, GROUP, hookimpl
from inferry.plugins._host import Host
from inferry.plugins._loader import PluginRecord, Plugins, load_plugins
from inferry.plugins._resolve import lacks_extra, resolve

__all__ = [
    "API",
    "GROUP",
    "PROTOCOLS",
    "AutoscalingPolicy",
    "ContainerTemplate",
    "Host",
    "ImportRef",
    "Installed",
    "ModelFormat",
    "Option",
    "PluginRecord",
    "Plugins",
    "Provided",
    "Role",
    "Runtime",
    "SettingsSpec",
    "StorageBackend",
    "backends_for",
    "discover",
    "hookimpl",
    "lacks_extra",
    "load_plugins",
    "resolve",
]
