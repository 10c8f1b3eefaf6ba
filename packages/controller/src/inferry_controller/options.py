"""`RenderOptions`: the ``[kubernetes]`` settings, read once."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

import msgspec

from inferry.errors import SettingsError

if TYPE_CHECKING:
    from inferry.config import Settings

Mode = Literal["Standard", "Knative"]
#: KServe's older names of the modes.
MODES = {
    "Standard": "Standard",
    "RawDeployment": "Standard",
    "Knative": "Knative",
    "Serverless": "Knative",
}


class RenderOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform decides for all services; each field is a setting.

    The images have their placeholders filled in. ``domain`` and ``url_scheme`` are
    those of the section ``ingress``.
    """

    mode: Mode = "Standard"
    ingress: Literal["gateway", "ingress", "none"] = "gateway"
    gateway: str = "kserve/kserve-ingress-gateway"
    ingress_class: str = ""
    domain: str = "example.com"
    url_scheme: str = "http"
    additional_domains: tuple[str, ...] = ()
    path_template: str = ""
    route_timeouts: bool = True
    headless: bool = False
    network_policy: bool = False
    disruption_budget: bool = True
    monitor: Literal["none", "service", "pod"] = "none"
    max_surge: str = "25%"
    max_unavailable: str = "0"
    storage_image: str = "inferry-storage"
    storage_requests: dict[str, str] = {}
    storage_limits: dict[str, str] = {}
    ca_bundle: str = ""
    ca_bundle_path: str = "/etc/ssl/custom-certs"
    oci_mode: Literal["native", "modelcar", "fetch"] = "native"
    storage_config_secret: str = "storage-config"  # noqa: S105 - a name
    automount_token: bool = False
    annotations_kept_back: tuple[str, ...] = ()
    labels_kept_back: tuple[str, ...] = ()


def render_options(settings: Settings) -> RenderOptions:
    """Read the options from *settings*.

    Raises:
        SettingsError: A value is none of those that its setting can have.

    """
    given = settings.section("kubernetes")
    registry = str(settings.value("images", "registry") or "")
    image = str(given["storage_image"])
    for key, value in (
        ("{registry}", registry),
        ("{version}", version("inferry-controller")),
    ):
        image = image.replace(key, value)
    mode = MODES.get(str(given["mode"]), str(given["mode"]))
    known = set(RenderOptions.__struct_fields__)
    fields = {key: value for key, value in given.items() if key in known} | {
        "mode": mode,
        "storage_image": image.lstrip("/"),
        "domain": str(settings.value("ingress", "domain")),
        "url_scheme": str(settings.value("ingress", "url_scheme")),
    }
    try:
        return msgspec.convert(fields, RenderOptions)
    except msgspec.ValidationError as error:
        problem = f"[kubernetes] {error}"
        raise SettingsError("the settings have a problem", problems=[problem]) from None
