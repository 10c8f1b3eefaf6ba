"""The status of every kind: typed where kubectl and dashboards look, else open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.api._crds.descriptions import described
from inferry.api._crds.pods import ANY, OPAQUE

if TYPE_CHECKING:
    from inferry.api._crds.pods import Schema

_TEXT: Schema = {"type": "string"}


def status_schema() -> Schema:
    """Return the schema of ``status``; ``inferry`` holds what only we write."""
    condition: Schema = {
        "type": "object",
        "properties": {
            "type": _TEXT,
            "status": _TEXT,
            "reason": _TEXT,
            "message": _TEXT,
            "severity": _TEXT,
            "lastTransitionTime": _TEXT,
            "observedGeneration": {"type": "integer", "format": "int64"},
        },
        "required": ["type", "status"],
        **ANY,
    }
    return {
        "type": "object",
        "properties": {
            "conditions": {
                "type": "array",
                "items": condition,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
                **described("Status.conditions"),
            },
            # One writer replaces it as a whole: field by field, its owners would be
            # the longest part of every status.
            "inferry": {**OPAQUE, "x-kubernetes-map-type": "atomic"}
            | described("Status.inferry"),
            "observedGeneration": {
                "type": "integer",
                "format": "int64",
                **described("Status.observedGeneration"),
            },
            "url": _TEXT | described("Status.url"),
        },
        **described("Status"),
        **ANY,
    }
