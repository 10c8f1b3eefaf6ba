"""An install as a base for Kustomize: a file for each part, in two halves.

``crds`` can be applied and deleted apart from ``controller``, because deleting the
kinds deletes every service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.install.documents import documents, dump
from inferry_controller.install.objects import templates
from inferry_controller.install.options import InstallOptions, values

if TYPE_CHECKING:
    from collections.abc import Iterable

_FILE = "kustomization.yaml"


def kustomization(options: InstallOptions | None = None) -> dict[str, str]:
    """Return the files of the base by their path."""
    filled = values(options or InstallOptions())
    parts: dict[str, list[dict[str, Any]]] = {}
    for each in templates():
        path = each.file if "/" in each.file else f"controller/{each.file}"
        if found := each.objects(filled):
            parts.setdefault(f"{path}.yaml", []).extend(found)
    folders = dict.fromkeys(path.partition("/")[0] for path in parts)
    files = {
        f"{folder}/{_FILE}": _kustomization(
            path.partition("/")[2] for path in parts if path.startswith(f"{folder}/")
        )
        for folder in folders
    }
    texts = {path: documents(found) for path, found in parts.items()}
    return {_FILE: _kustomization(folders), **files, **texts}


def _kustomization(resources: Iterable[str]) -> str:
    return dump(
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": list(resources),
        }
    )
