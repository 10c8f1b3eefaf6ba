"""The objects of an install, as templates; `manifests` fills them in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.install.configmap import data
from inferry_controller.install.options import InstallOptions, values
from inferry_controller.install.rights import (
    AT_HOME,
    EDIT,
    IN_CLUSTER,
    IN_NAMESPACES,
    SECRETS,
    VIEW,
    Right,
    rules,
)
from inferry_controller.install.template import (
    EACH,
    NAMESPACE,
    Ref,
    Template,
    Test,
    When,
    equals,
    given,
)
from inferry_controller.install.workload import NAME, deployment, labels, monitor

if TYPE_CHECKING:
    from collections.abc import Mapping

_RBAC = "rbac.authorization.k8s.io"
_CLUSTER = equals(Ref("scope"), "cluster")
_NAMESPACED = equals(Ref("scope"), "namespaced")
_ACCOUNT = {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
_RESTRICTED = {
    f"pod-security.kubernetes.io/{mode}": "restricted"
    for mode in ("enforce", "audit", "warn")
}


def manifests(options: InstallOptions | None = None) -> list[dict[str, Any]]:
    """Return every object of an install, in the order to apply them.

    Nothing in it waits for anything else: any order converges.
    """
    filled = values(options or InstallOptions())
    return [found for each in templates() for found in each.objects(filled)]


def templates() -> tuple[Template, ...]:
    """Return what an install consists of."""
    return (
        _namespace(),
        *_crds(),
        *_account_and_roles(),
        *_user_roles(),
        Template(
            file="configuration",
            body=_object("v1", "ConfigMap", "inferenceservice-config", data=data()),
        ),
        *deployment(),
        *monitor(),
        *_gateway(),
    )


def _object(
    version: str,
    kind: str,
    name: str | Ref,
    where: Ref | str | None = NAMESPACE,
    **rest: object,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "labels": labels()}
    if where is not None:
        metadata["namespace"] = where
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def _namespace() -> Template:
    body = _object("v1", "Namespace", NAMESPACE, None)
    body["metadata"]["labels"] = labels() | _RESTRICTED
    return Template(file="namespace", body=body, when=(given(Ref("createNamespace")),))


def _crds() -> list[Template]:
    from inferry.api import crds

    keep = given(Ref("crds.keep"))
    return [
        Template(
            file=f"crds/{crd['spec']['names']['plural']}",
            body=crd | {"metadata": _crd_metadata(crd["metadata"], keep)},
            when=(given(Ref("crds.install")),),
        )
        for crd in crds()
    ]


def _crd_metadata(given: Mapping[str, Any], keep: Test) -> dict[str, Any]:
    annotations = given.get("annotations", {})
    kept = {"helm.sh/resource-policy": "keep"}
    shown = (
        annotations | {key: When(keep, value) for key, value in kept.items()}
        if annotations
        else When(keep, kept)
    )
    merged = labels() | given.get("labels", {})
    return {**given, "labels": merged, "annotations": shown}


def _account_and_roles() -> list[Template]:
    # The pods mount a token by themselves, so that nothing else with this account does.
    account = _object("v1", "ServiceAccount", NAME)
    account["automountServiceAccountToken"] = False
    everywhere = (*IN_NAMESPACES, *IN_CLUSTER)
    return [
        Template(file="rights", body=account),
        *_granted(NAME, AT_HOME),
        Template(file="rights", body=_role(NAME, everywhere, None), when=(_CLUSTER,)),
        Template(file="rights", body=_binding(NAME, None), when=(_CLUSTER,)),
        *_granted(f"{NAME}-services", IN_NAMESPACES, Ref("watch"), _NAMESPACED),
        *_granted(f"{NAME}-secrets", SECRETS, Ref("secretNamespaces")),
    ]


def _granted(
    name: str, rights: tuple[Right, ...], each: Ref | None = None, *when: Test
) -> list[Template]:
    """Return a Role and its binding, at home or in *each* namespace."""
    where = NAMESPACE if each is None else EACH
    return [
        Template(file="rights", body=body, each=each, when=when)
        for body in (_role(name, rights, where), _binding(name, where))
    ]


def _role(name: str, rights: tuple[Right, ...], where: Ref | None) -> dict[str, Any]:
    kind = "ClusterRole" if where is None else "Role"
    return _object(f"{_RBAC}/v1", kind, name, where, rules=rules(rights))


def _binding(name: str, where: Ref | None) -> dict[str, Any]:
    kind = "ClusterRole" if where is None else "Role"
    return _object(
        f"{_RBAC}/v1",
        f"{kind}Binding",
        name,
        where,
        roleRef={"apiGroup": _RBAC, "kind": kind, "name": name},
        subjects=[_ACCOUNT],
    )


def _user_roles() -> list[Template]:
    """Return roles that `view`, `edit` and `admin` of the cluster take up."""
    found = []
    for name, rights, into in (
        ("inferry-view", VIEW, ("view",)),
        ("inferry-edit", EDIT, ("edit", "admin")),
    ):
        body = _role(name, rights, None)
        body["metadata"]["labels"] = labels() | {
            f"{_RBAC}/aggregate-to-{each}": "true" for each in into
        }
        found.append(
            Template(file="user-roles", body=body, when=(given(Ref("userRoles")),))
        )
    return found


def _gateway() -> list[Template]:
    asked = (given(Ref("gatewayClass")),)
    listener = {
        "name": "http",
        "protocol": "HTTP",
        "port": 80,
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    gateway = _object(
        "gateway.networking.k8s.io/v1",
        "Gateway",
        "kserve-ingress-gateway",
        "kserve",
        spec={"gatewayClassName": Ref("gatewayClass"), "listeners": [listener]},
    )
    namespace = _object("v1", "Namespace", "kserve", None)
    return [
        Template(file="gateway", body=body, when=asked) for body in (namespace, gateway)
    ]
