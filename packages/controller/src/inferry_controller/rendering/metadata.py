"""Name, labels and annotations of the objects of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.names import (
    MANAGED_LABEL,
    MANAGER,
    REVISION_LABEL,
    SERVICE_LABEL,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.planning import ComponentPlan, RevisionPlan, ServingPlan
    from inferry_controller.options import RenderOptions

# KServe keeps these from the objects that it makes of a service.
_KEPT_BACK = frozenset(
    {
        "autoscaling.knative.dev/max-scale",
        "autoscaling.knative.dev/min-scale",
        "internal.serving.kserve.io/storage-initializer-sourceuri",
        "kubectl.kubernetes.io/last-applied-configuration",
        "modelFormat",
    }
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
        if key not in _KEPT_BACK and key not in kept_back
    }
