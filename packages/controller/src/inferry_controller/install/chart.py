"""An install as a Helm chart: the same templates, written for Helm to fill in.

The kinds stand among the templates, not in the chart's folder ``crds``, because Helm
never touches that one again after the first install: an upgrade would leave the kinds
of the old version. They carry ``helm.sh/resource-policy: keep`` unless told otherwise,
so that uninstalling the controller deletes no service.
"""

from __future__ import annotations

import json
import textwrap
from typing import Any

import msgspec

from inferry_controller.install.documents import dump
from inferry_controller.install.helm import write
from inferry_controller.install.objects import templates
from inferry_controller.install.options import (
    HELP,
    OWN_LABELS,
    PATTERNS,
    InstallOptions,
)
from inferry_controller.options import this_release

#: Where a chart decides otherwise: Helm makes the namespace, and may take things away.
_OTHERWISE = {"createNamespace": False, "crds": {"install": True, "keep": True}}
_KUBE = ">=1.29.0-0"
_NOTES = """\
Inferry {{ .Chart.AppVersion }} is installed in the namespace {{ .Release.Namespace }}.

  kubectl --namespace {{ .Release.Namespace }} rollout status deploy/inferry-controller

Its settings are in the ConfigMap inferenceservice-config there.
"""


def chart() -> dict[str, str]:
    """Return the files of the chart by their path."""
    files = {
        "Chart.yaml": _about(),
        "values.yaml": _values(),
        "values.schema.json": json.dumps(_schema(), indent=2) + "\n",
        "templates/NOTES.txt": _NOTES,
    }
    for each in templates():
        path = f"templates/{each.file}.yaml"
        files[path] = files.get(path, "") + write(each)
    return files


def _about() -> str:
    ours = this_release()
    return dump(
        {
            "apiVersion": "v2",
            "name": "inferry",
            "description": "Serve machine-learning models: the Kubernetes controller.",
            "type": "application",
            "version": semantic(ours),
            "appVersion": ours,
            "kubeVersion": _KUBE,
        }
    )


def semantic(ours: str) -> str:
    """Return a version of Python's as Helm wants one: ``0.1.0-dev.0``."""
    for word in (".dev", "rc", "b", "a"):
        head, found, tail = ours.partition(word)
        if found:
            return f"{head}-{word.strip('.')}.{tail}"
    return ours


def _values() -> str:
    given: dict[str, Any] = msgspec.to_builtins(InstallOptions()) | _OTHERWISE
    parts = []
    for name, text in HELP.items():
        comment = textwrap.fill(text, 80, initial_indent="# ", subsequent_indent="# ")
        parts.append(f"{comment}\n{dump({name: given[name]})}")
    return "\n".join(parts)


def _schema() -> dict[str, Any]:
    """Return the schema of the values, from the types of the options."""
    (found,), definitions = msgspec.json.schema_components(
        [InstallOptions], ref_template="#/$defs/{name}"
    )
    del found
    shown: dict[str, Any] = definitions["InstallOptions"]
    shown["properties"].pop("namespace")
    for name, text in HELP.items():
        entry = shown["properties"][name]
        entry.pop("default", None)
        entry["description"] = text
    for name, pattern in PATTERNS.items():
        shown["properties"][name]["pattern"] = f"^({pattern})$"
    shown["properties"]["replicas"]["minimum"] = 1
    shown["properties"]["labels"]["propertyNames"] = {"not": {"enum": [*OWN_LABELS]}}
    # What charts that include this one hand down.
    shown["properties"]["global"] = {"type": "object"}
    shown["allOf"] = [_NEEDS_NAMESPACES]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **shown,
        "title": "inferry",
        "$defs": {"Crds": definitions["Crds"]},
    }


_NEEDS_NAMESPACES = {
    "if": {"properties": {"scope": {"const": "namespaced"}}, "required": ["scope"]},
    "then": {"properties": {"watch": {"minItems": 1}}},
    "else": {"properties": {"watch": {"maxItems": 0}}},
}
