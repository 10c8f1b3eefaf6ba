"""`RenderOptions`: the ``[kubernetes]`` settings, read once."""

from __future__ import annotations

import functools
import json
import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal, get_args, get_origin

import msgspec

from inferry._suggest import did_you_mean
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

_NAME = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_NAME}(\.{_NAME})*")
_AMOUNT = re.compile(r"[0-9]+(\.[0-9]+)?([munkMGTPE]|[KMGTPE]i)?")
_SHARE = re.compile(r"[0-9]+%?")
_GATEWAY = re.compile(rf"{_NAME}/{_NAME}")
#: What texts must look like, and how to say so.
_SHAPES = {
    "domain": (_DOMAIN, "a domain such as example.com"),
    "url_scheme": (re.compile("https?"), "http or https"),
    "additional_domains": (_DOMAIN, "domains such as example.com"),
    "gateway": (_GATEWAY, "namespace/name"),
    "istio_gateway": (_GATEWAY, "namespace/name"),
    "istio_local_gateway": (_GATEWAY, "namespace/name"),
    "path_template": (re.compile("|/.*"), "a path that begins with /"),
    "max_surge": (_SHARE, "a number or a percentage"),
    "max_unavailable": (_SHARE, "a number or a percentage"),
    "storage_requests": (_AMOUNT, "quantities such as 100m or 1Gi"),
    "storage_limits": (_AMOUNT, "quantities such as 100m or 1Gi"),
    "container_requests": (_AMOUNT, "quantities such as 100m or 1Gi"),
    "container_limits": (_AMOUNT, "quantities such as 100m or 1Gi"),
    "run_as_user": (re.compile(r"[0-9]{1,10}"), "the number of a user"),
    "scale_up_seconds": (re.compile(r"[0-9]{1,4}"), "seconds, at most an hour"),
    "scale_down_seconds": (re.compile(r"[0-9]{1,4}"), "seconds, at most an hour"),
}


class RenderOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform decides for all services; each field is a setting.

    The images have their placeholders filled in. ``domain`` and ``url_scheme`` are
    those of the section ``ingress``. The environments hold what is set in the sections
    ``storage`` and ``server``, too, because init containers and servers read those.
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
    storage_environment: dict[str, str] = {}
    server_environment: dict[str, str] = {}
    run_as_user: int = 1000
    container_requests: dict[str, str] = {}
    container_limits: dict[str, str] = {}
    scale_up_seconds: int = 0
    scale_down_seconds: int = 300
    virtual_service: bool = True
    istio_gateway: str = "knative-serving/knative-ingress-gateway"
    istio_local_gateway: str = "knative-serving/knative-local-gateway"
    istio_local_service: str = "knative-local-gateway.istio-system.svc.cluster.local"
    annotations_kept_back: tuple[str, ...] = ()
    labels_kept_back: tuple[str, ...] = ()


def render_options(settings: Settings, release: str = "") -> RenderOptions:
    """Read the options from *settings*, in which this package's are declared.

    Images are those of *release*; without one, those of this release.

    Raises:
        SettingsError: Values are none of those that their settings can have; every one
            of them is among its problems.

    """
    given = dict(settings.section("kubernetes"))
    given["mode"] = MODES.get(str(given["mode"]), given["mode"])
    image = str(given["storage_image"])
    given["storage_image"] = _image(settings, image, release or this_release())
    given["domain"] = settings.value("ingress", "domain")
    given["url_scheme"] = settings.value("ingress", "url_scheme")
    for name in ("storage", "server"):
        key = f"{name}_environment"
        given[key] = _environment(settings, name) | dict(given[key])
    problems = [
        f"{_place(settings, each.name)}: {problem}"
        for each in msgspec.structs.fields(RenderOptions)
        for problem in _wrong(each, given[each.name])
    ]
    if problems:
        count = f"{len(problems)} problems" if problems[1:] else "a problem"
        raise SettingsError(f"the settings have {count}", problems=problems)
    return msgspec.convert(
        {key: given[key] for key in RenderOptions.__struct_fields__}, RenderOptions
    )


@functools.cache
def this_release() -> str:
    """Return the version of this package, which its images have.

    Looking it up reads files for 0.3 ms, an eighth of what a service may cost.
    """
    # A + of a local version can stand neither in a tag nor in a label.
    return version("inferry-controller").replace("+", "_")


def _image(settings: Settings, image: str, release: str) -> str:
    registry = str(settings.value("images", "registry") or "")
    filled = image.replace("{registry}", registry)
    return filled.replace("{version}", release).lstrip("/")


def _environment(settings: Settings, section: str) -> dict[str, str]:
    """Return what was set in *section*, as the environment of another process.

    Secrets are left out: a pod template is no place for them. Where nobody here knows
    the section, its reader checks what is in it.
    """
    declared = [each for each in settings.all() if each.spec.section == section]
    values = (
        {
            each.spec.key: each.value
            for each in declared
            if each.origin != "default" and not each.spec.secret
        }
        if declared
        else settings.section(section)
    )
    return {
        f"INFERRY_{section.upper()}__{key.upper()}": _as_text(value)
        for key, value in values.items()
    }


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    # JSON is what settings of every other type are read from.
    return json.dumps(value)


def _place(settings: Settings, name: str) -> str:
    section = "ingress" if name in {"domain", "url_scheme"} else "kubernetes"
    return f"{settings.origin(section, name)}: [{section}] {name}"


def _wrong(each: msgspec.structs.FieldInfo, value: object) -> list[str]:
    """Return what is wrong with the value of one option."""
    if get_origin(each.type) is Literal:
        known = [*MODES] if each.name == "mode" else [*get_args(each.type)]
        if value in get_args(each.type):
            return []
        hint = did_you_mean(str(value), known)
        return [f"must be one of {', '.join(known)}, got {value!r}{hint}"]
    pattern, wanted = _SHAPES.get(each.name, (None, ""))
    if pattern is None:
        return []
    texts = value if isinstance(value, tuple) else (value,)
    if isinstance(value, dict):
        texts = tuple(value.values())
    return [
        f"must be {wanted}, got {text!r}"
        for text in texts
        if not pattern.fullmatch(str(text))
    ]
