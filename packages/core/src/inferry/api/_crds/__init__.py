"""The CustomResourceDefinitions of the kinds, generated from their types.

Structural, with the rules of `inferry.api.validate` that CEL can say, so that the API
server refuses what the loader refuses while no webhook, and no controller, runs. Small
enough for client-side ``kubectl apply``, which keeps a copy in an annotation.
"""

from __future__ import annotations

from typing import Any

from inferry.api._crds.kinds import KINDS, KindFacts
from inferry.api._crds.schema import root_schema


def crds() -> tuple[dict[str, Any], ...]:
    """Return the CustomResourceDefinition of each kind, as Kubernetes spells it."""
    return tuple(_definition(facts) for facts in KINDS)


def _definition(facts: KindFacts) -> dict[str, Any]:
    group, _, version = facts.api_version.partition("/")
    names: dict[str, Any] = {
        "kind": facts.kind,
        "listKind": f"{facts.kind}List",
        "plural": facts.plural,
        "singular": facts.kind.lower(),
    }
    if facts.short_names:
        names["shortNames"] = list(facts.short_names)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{facts.plural}.{group}"},
        "spec": {
            "group": group,
            "names": names,
            "scope": "Namespaced" if facts.namespaced else "Cluster",
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        column.as_dict() for column in facts.columns
                    ],
                    "schema": {"openAPIV3Schema": root_schema(facts.type)},
                }
            ],
        },
    }
