"""What makes a pod pass Pod Security "restricted" where it does not say otherwise.

Only what is missing is filled in: a container that asks to be root, to be privileged or
for a capability stays as it is, and the cluster's own policy has the last word.
Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def secure_pod(spec: dict[str, Any], user: int) -> None:
    """Fill in the security contexts of the pod *spec* and all of its containers.

    *user* is the numeric user of containers that name none: the kubelet starts no
    container that must not be root and whose image has no number for its user. With 0
    each image decides.
    """
    if (spec.get("os") or {}).get("name") == "windows":
        return
    of_pod = spec.setdefault("securityContext", {})
    if _may_be_root(of_pod):
        return
    of_pod.setdefault("runAsNonRoot", True)
    of_pod.setdefault("seccompProfile", {"type": "RuntimeDefault"})
    if user:
        of_pod.setdefault("runAsUser", user)
    for container in _containers(spec):
        _secure(container)


def read_only_root(container: dict[str, Any]) -> None:
    """Make the root file system of *container* read-only, unless it says otherwise."""
    context = container.setdefault("securityContext", {})
    context.setdefault("readOnlyRootFilesystem", True)


def _secure(container: dict[str, Any]) -> None:
    context = container.setdefault("securityContext", {})
    if _may_be_root(context):
        # It says so, and the pod's own word would keep it from starting.
        context.setdefault("runAsNonRoot", False)
        return
    if _needs_privileges(context):
        return
    context.setdefault("allowPrivilegeEscalation", False)
    capabilities = context.setdefault("capabilities", {})
    capabilities.setdefault("drop", ["ALL"])


def _may_be_root(context: dict[str, Any]) -> bool:
    return context.get("runAsUser") == 0 or context.get("runAsNonRoot") is False


def _needs_privileges(context: dict[str, Any]) -> bool:
    """Say whether the API server would refuse that it may gain none."""
    added = (context.get("capabilities") or {}).get("add") or ()
    return bool(context.get("privileged")) or bool({"SYS_ADMIN", "ALL"} & set(added))


def _containers(spec: dict[str, Any]) -> Iterable[dict[str, Any]]:
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()
