"""`InstallOptions`: what whoever installs decides; the values of the chart, too."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from inferry.errors import InvalidDocument
from inferry_controller.options import this_release

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
_REGISTRY = re.compile(r"[a-z0-9][a-z0-9._-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)*")
_TAG = re.compile(r"|[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
#: How texts must look, in the language of a schema, too.
PATTERNS = {"registry": _REGISTRY.pattern, "version": _TAG.pattern}
#: The labels that selectors and releases go by.
OWN_LABELS = (
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/version",
)


class Crds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the kinds come with the install, and stay when it goes."""

    install: bool = True
    keep: bool = False


class InstallOptions(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
):
    """Everything that an install can be told.

    In camelCase, and without ``namespace``, these are the values of the Helm chart.
    """

    namespace: str = "inferry"
    create_namespace: bool = True
    scope: Literal["cluster", "namespaced"] = "cluster"
    watch: tuple[str, ...] = ()
    secret_namespaces: tuple[str, ...] = ()
    registry: str = "ghcr.io/inferry"
    version: str = ""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    replicas: int = 2
    resources: dict[str, Any] = msgspec.field(
        default_factory=lambda: {
            "requests": {"cpu": "50m", "memory": "100Mi"},
            "limits": {"memory": "512Mi"},
        }
    )
    node_selector: dict[str, str] = {}
    tolerations: tuple[dict[str, Any], ...] = ()
    affinity: dict[str, Any] = {}
    priority_class_name: str = ""
    labels: dict[str, str] = {}
    crds: Crds = Crds()
    user_roles: bool = True
    monitoring: bool = False
    network_policy: bool = False
    gateway_class: str = ""
    plugins: tuple[str, ...] = (
        "controller",
        "huggingface",
        "lightgbm",
        "onnx",
        "paddle",
        "pytorch",
        "sklearn",
        "storage",
        "tensorflow",
        "triton",
        "xgboost",
    )
    settings: dict[str, dict[str, Any]] = {}
    config: dict[str, Any] = {}

    def __post_init__(self) -> None:
        problems = tuple(_problems(self))
        if problems:
            raise InvalidDocument("this install cannot be", problems=problems)


#: What each option is for: comments of values.yaml, descriptions of its schema.
HELP = {
    "createNamespace": "Make the namespace too, with the labels of Pod Security "
    '"restricted". Helm makes it with --create-namespace, without labels.',
    "scope": "cluster: one controller for all namespaces. namespaced: for those of "
    "`watch`, with Roles alone.",
    "watch": "The namespaces whose services a namespaced install runs.",
    "secretNamespaces": "Namespaces in which the controller may read Secrets, for the "
    "S3 annotations on them; none by default.",
    "registry": "Where every image comes from, unless a setting says otherwise.",
    "version": "The version of the images; empty: that of the chart.",
    "imagePullPolicy": "When the controller's image is pulled.",
    "imagePullSecrets": "Names of Secrets in this namespace that pull it.",
    "replicas": "Pods of the controller; one of them works, the others wait.",
    "resources": "Resources of each of its pods.",
    "nodeSelector": "Which nodes they may run on.",
    "tolerations": "Taints that they bear.",
    "affinity": "Where they would rather run.",
    "priorityClassName": "Their priority.",
    "labels": "Further labels of every object of the install.",
    "crds": "The kinds: whether this install brings them, and whether they (and with "
    "them every service) stay when it is uninstalled.",
    "userRoles": "ClusterRoles that let whoever may view or edit a namespace view or "
    "edit services in it.",
    "monitoring": "A ServiceMonitor for the Prometheus operator.",
    "networkPolicy": "A NetworkPolicy: only health and metrics can be reached.",
    "gatewayClass": "A class: makes the Gateway kserve/kserve-ingress-gateway with it.",
    "plugins": "The plugins that the controller loads; runtimes come from them.",
    "settings": "Settings by section and key, as in inferry.toml.",
    "config": "KServe's own keys of inferenceservice-config: a text or a table each.",
}


def values(options: InstallOptions) -> dict[str, Any]:
    """Return *options* as the values that templates are filled in with."""
    # By way of JSON, so that a tuple is a list, as it is in Helm.
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(options))
    return found | {"version": options.version or this_release()}


def options_from(given: dict[str, Any]) -> InstallOptions:
    """Return the options that *given*, values in camelCase, ask for.

    Raises:
        InvalidDocument: They cannot be.

    """
    try:
        return msgspec.convert(given, InstallOptions)
    except msgspec.ValidationError as error:
        # msgspec wraps what __post_init__ raises, too.
        if isinstance(error.__cause__, InvalidDocument):
            raise error.__cause__ from None
        raise InvalidDocument("this install cannot be", problems=[str(error)]) from None


def _problems(options: InstallOptions) -> list[str]:
    found = [
        f"{name}: {each!r} is no name of a namespace"
        for name, names in (
            ("namespace", (options.namespace,)),
            ("watch", options.watch),
            ("secretNamespaces", options.secret_namespaces),
        )
        for each in names
        if not _LABEL.match(each)
    ]
    if options.scope == "namespaced" and not options.watch:
        found.append("watch: a namespaced install needs the namespaces to watch")
    if options.scope == "cluster" and options.watch:
        found.append("watch: only a namespaced install watches some; set scope, too")
    found += [
        f"{name}: {value!r} cannot be part of an image's name"
        for name, value, pattern in (
            ("registry", options.registry, _REGISTRY),
            ("version", options.version, _TAG),
        )
        if not pattern.fullmatch(value)
    ]
    if options.replicas < 1:
        found.append(f"replicas: must be at least 1, got {options.replicas}")
    found += [
        f"labels: {each} is the install's own"
        for each in sorted({*OWN_LABELS} & {*options.labels})
    ]
    return found
