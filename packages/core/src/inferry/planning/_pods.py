"""A runtime's pod and a service's pod joined into one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.errors import PlanningError
from inferry.planning._images import tagged_image
from inferry.planning._merge import (
    SERVING_CONTAINER,
    container,
    merge,
    merge_container,
    without,
)
from inferry.planning._placeholders import Values, replace
from inferry.planning._server_types import server_container
from inferry.status import Reason

if TYPE_CHECKING:
    from inferry.api._types import ModelSpec, PredictorSpec
    from inferry.planning._catalog import RuntimeEntry
    from inferry.planning._selection import Selection


def serving_container(
    model: ModelSpec, selection: Selection, values: Values
) -> tuple[dict[str, Any], int]:
    """Return the merged container, and how many of its args are the service's own.

    Raises:
        PlanningError: The runtime has no serving container, or a placeholder is wrong.

    """
    entry = selection.entry
    base = container(entry.pod, SERVING_CONTAINER)
    if base is None:
        msg = f"the runtime {entry.name!r} has no container called {SERVING_CONTAINER}"
        raise PlanningError(
            msg, reason=Reason.InvalidSpec, remedy=f"add it to the {entry.origin}"
        )
    if entry.scope != "plugin" or entry.is_foreign:
        base = server_container(
            base,
            entry.server_type,
            model_name=values.name,
            protocol=selection.protocol,
            has_model=bool(model.storage_uri or model.storage),
        )
    merged = merge_container(base, without(model.container, "name"))
    merged["name"] = SERVING_CONTAINER
    if image := merged.get("image"):
        merged["image"] = tagged_image(
            image,
            runtime_version=model.runtime_version,
            server_type=entry.server_type,
            limits=(merged.get("resources") or {}).get("limits") or {},
        )
    return replace(merged, values), len(model.container.get("args") or ())


def joined_pod(
    predictor: PredictorSpec, entry: RuntimeEntry, values: Values
) -> dict[str, Any]:
    """Merge the rest of the two pods; the serving container stands by itself."""
    pod = merge(without(entry.pod, "containers"), without(predictor.pod, "containers"))
    containers = _other_containers(predictor, entry, values)
    return {**pod, "containers": containers} if containers else pod


def _other_containers(
    predictor: PredictorSpec, entry: RuntimeEntry, values: Values
) -> list[dict[str, Any]]:
    of_runtime = {c.get("name"): c for c in entry.pod.get("containers") or ()}
    of_service = {c.get("name"): c for c in predictor.pod.get("containers") or ()}
    merged = dict(of_runtime)
    for name, item in of_service.items():
        below = of_runtime.get(name)
        merged[name] = merge_container(below, item) if below else item
    merged.pop(SERVING_CONTAINER, None)
    return [replace(dict(item), values) for item in merged.values()]
