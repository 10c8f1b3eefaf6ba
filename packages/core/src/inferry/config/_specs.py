"""The settings that core itself declares, and who owns which section."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.config._declaration import SettingsSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

CORE_SPECS: tuple[SettingsSpec, ...] = (
    SettingsSpec(
        section="plugins",
        key="allow",
        type="list",
        default=(),
        help="Plugins to load, by entry-point or distribution name. Empty: all of them "
        "for commands and the local backend, none for a controller or a server.",
    ),
    SettingsSpec(
        section="plugins",
        key="deny",
        type="list",
        default=(),
        help="Plugins never to load, by entry-point or distribution name.",
    ),
    SettingsSpec(
        section="plugins",
        key="override",
        type="map",
        default={},
        help="Who provides a name that several plugins claim: "
        '"runtime.onnx" = "acme-onnx". Kinds: runtime, storage, scheme, policy.',
    ),
    SettingsSpec(
        section="plugins",
        key="trace",
        type="bool",
        default=False,
        help="Log every step of loading plugins.",
    ),
    SettingsSpec(
        section="ingress",
        key="domain",
        default="example.com",
        help="The domain below which services get their host names.",
    ),
    SettingsSpec(
        section="ingress",
        key="domain_template",
        default="{name}-{namespace}.{domain}",
        help="The host name of a service, from {name}, {namespace} and {domain}.",
    ),
    SettingsSpec(
        section="ingress",
        key="url_scheme",
        default="http",
        help="The scheme of the urls that a status shows: http or https.",
    ),
    SettingsSpec(
        section="images",
        key="registry",
        default="ghcr.io/inferry",
        help="What {registry} stands for in the container images of plugins.",
    ),
)

#: Variables with a name of their own: what people type on a command line.
SHORT_VARIABLES: Mapping[str, tuple[str, str]] = {
    "INFERRY_PLUGINS": ("plugins", "allow"),
    "INFERRY_PLUGINS_DENY": ("plugins", "deny"),
    "INFERRY_PLUGINS_TRACE": ("plugins", "trace"),
}

#: Sections of first-party packages: one inferry.toml serves environments that have
#: only some of them installed, so their absence is worth a warning, no error.
SECTION_OWNERS: Mapping[str, str] = {
    "autoscaler": "inferry-autoscaler",
    "controller": "inferry-controller",
    "gateway": "inferry-gateway",
    "kubernetes": "inferry-controller",
    "local": "inferry-local",
    "server": "inferry-server",
    "storage": "inferry-storage",
}
