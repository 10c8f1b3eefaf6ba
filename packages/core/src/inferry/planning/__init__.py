"""From a document to a `ServingPlan`: catalog, selection, merge, placeholders."""

from inferry.planning._anchor import anchored
from inferry.planning._catalog import Catalog, Ingress, RuntimeEntry
from inferry.planning._components import KEPT_BACK
from inferry.planning._merge import merge
from inferry.planning._planner import (
    ComponentExplanation,
    Explanation,
    explain,
    hosts,
    plan,
)
from inferry.planning._render import (
    PLUGIN_ANNOTATION,
    render_runtime,
    render_storage,
)
from inferry.planning._secrets import secrets_of
from inferry.planning._selection import Candidate
from inferry.planning._sources import StorageChoice
from inferry.planning.plan import (
    Component,
    ComponentPlan,
    ModelPlan,
    RevisionPlan,
    RuntimeChoice,
    ScalingPlan,
    Scope,
    ServingPlan,
    Unhonoured,
)

__all__ = [
    "KEPT_BACK",
    "PLUGIN_ANNOTATION",
    "Candidate",
    "Catalog",
    "Component",
    "ComponentExplanation",
    "ComponentPlan",
    "Explanation",
    "Ingress",
    "ModelPlan",
    "RevisionPlan",
    "RuntimeChoice",
    "RuntimeEntry",
    "ScalingPlan",
    "Scope",
    "ServingPlan",
    "StorageChoice",
    "Unhonoured",
    "anchored",
    "explain",
    "hosts",
    "merge",
    "plan",
    "render_runtime",
    "render_storage",
    "secrets_of",
]
