"""The plugin contract: hooks, descriptors, the host and the loader."""

from inferry.plugins._descriptors import (
    PROTOCOLS,
    AutoscalingPolicy,
    ContainerTemplate,
    ImportRef,
    ModelFormat,
    Option,
    Runtime,
    SettingsSpec,
    StorageBackend,
)
from inferry.plugins._hookspecs import API, GROUP, hookimpl
from inferry.plugins._host import Host

__all__ = [
    "API",
    "GROUP",
    "PROTOCOLS",
    "AutoscalingPolicy",
    "ContainerTemplate",
    "Host",
    "ImportRef",
    "ModelFormat",
    "Option",
    "Runtime",
    "SettingsSpec",
    "StorageBackend",
    "hookimpl",
]
