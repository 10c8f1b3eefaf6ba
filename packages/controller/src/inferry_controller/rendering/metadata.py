"""Name, labels and annotations of the objects of a service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from inferry.planning import KEPT_BACK
from inferry_controller.names import (
    MANAGED_LABEL,
    MANAGER,
    REVISION_LABEL,
    SERVICE_LABEL,
)
from inferry_controller.rendering.rendered import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inferry.planning import ComponentPlan, RevisionPlan, ServingPlan
    from inferry_controller.options import RenderOptions

# What the proxy or the name service that all services share takes as its own
# configuration, or as a claim of any host name: who may make an InferenceService need
# not be who may do that.
_SHARED = re.compile(
    r"external-dns\.(alpha\.)?kubernetes\.io/.+"
    r"|[^/]+/([\w.-]+-)?(snippets?|server-alias|config-(backend|frontend|global|tcp))"
)


def metadata(
    name: str,
    plan: ServingPlan,
    options: RenderOptions,
    component: ComponentPlan | None = None,
    revision: RevisionPlan | None = None,
) -> dict[str, Any]:
    """Return the metadata of the object *name*.

    The labels and annotations are those of *component*, without one those of the
    service; the configuration may keep some of them back.
    """
    of = plan if component is None else component
    labels = {k: v for k, v in of.labels.items() if k not in options.labels_kept_back}
    labels[SERVICE_LABEL] = plan.name
    labels[MANAGED_LABEL] = MANAGER
    if revision is not None:
        labels[REVISION_LABEL] = revision.name
    made: dict[str, Any] = {
        "name": name,
        "namespace": plan.namespace,
        "labels": dict(sorted(labels.items())),
    }
    if annotations := _annotations(of.annotations, options):
        made["annotations"] = annotations
    return made


def _annotations(given: Mapping[str, str], options: RenderOptions) -> dict[str, str]:
    kept_back = options.annotations_kept_back
    return {
        key: value
        for key, value in sorted(given.items())
        if key not in KEPT_BACK and key not in kept_back and not _is_shared(key)
    }


def withheld(plan: ServingPlan) -> Iterator[Problem]:
    """Tell of the annotations of *plan* that no object gets, whatever is configured."""
    places = {"metadata": plan.annotations}
    for revision in plan.revisions:
        for component in revision.components:
            own = component.annotations.items() - plan.annotations.items()
            places[f"spec.{component.component}"] = dict(own)
    for place, given in places.items():
        for key in filter(_is_shared, sorted(given)):
            yield Problem(
                path=f"{place}.annotations[{key}]",
                why="it speaks to what all services share, and for hosts of others",
                remedy="let whoever runs the proxy or name service configure it",
            )


def _is_shared(key: str) -> bool:
    return _SHARED.fullmatch(key) is not None
