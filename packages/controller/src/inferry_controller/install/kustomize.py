"""An install as a base for Kustomize: a file for each part, in two halves.

``crds`` can be applied and deleted apart from ``controller``, because deleting the
kinds deletes every service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

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


def documents(objects: Iterable[dict[str, Any]]) -> str:
    """Return *objects* as documents of YAML."""
    return "".join(f"---\n{dump(each)}" for each in objects)


def dump(value: object) -> str:
    """Return *value* as YAML, in the order it has."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000
    )
    return text


class _Dumper(yaml.SafeDumper):
    """Texts of several lines are written as such; nothing is an alias."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - of the base
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _kustomization(resources: Iterable[str]) -> str:
    return dump(
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": list(resources),
        }
    )
