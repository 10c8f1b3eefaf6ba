"""What rendered objects expect to find in their namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inferry_controller.rendering.rendered import KubernetesObject


def references(objects: Iterable[KubernetesObject]) -> tuple[tuple[str, str], ...]:
    """Return kind and name of all that the pods of *objects* cannot run without.

    What is optional is left out.
    """
    found: set[tuple[str, str]] = set()
    for each in objects:
        template = each.get("spec", {}).get("template")
        if template:
            found.update(_of_pod(template["spec"]))
    return tuple(sorted(found))


def _of_pod(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if name := spec.get("serviceAccountName"):
        yield "ServiceAccount", name
    for each in spec.get("imagePullSecrets", ()):
        yield "Secret", each["name"]
    for each in spec.get("volumes", ()):
        yield from _of_volume(each)
    for each in (*spec.get("initContainers", ()), *spec.get("containers", ())):
        yield from _of_container(each)


def _of_volume(volume: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if claim := volume.get("persistentVolumeClaim"):
        yield "PersistentVolumeClaim", claim["claimName"]
    projected = (volume.get("projected") or {}).get("sources") or ()
    for source in (volume, *projected):
        secret, config = source.get("secret"), source.get("configMap")
        if secret and not secret.get("optional"):
            yield "Secret", secret.get("secretName") or secret["name"]
        if config and not config.get("optional"):
            yield "ConfigMap", config["name"]


def _of_container(container: dict[str, Any]) -> Iterator[tuple[str, str]]:
    sources = [each.get("valueFrom") or {} for each in container.get("env") or ()]
    for kind, key in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
        for source in sources:
            if (found := source.get(key)) and not found.get("optional"):
                yield kind, found["name"]
    for each in container.get("envFrom") or ():
        for kind, key in (("Secret", "secretRef"), ("ConfigMap", "configMapRef")):
            if (found := each.get(key)) and not found.get("optional"):
                yield kind, found["name"]
