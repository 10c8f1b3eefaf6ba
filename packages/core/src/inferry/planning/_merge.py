"""Lay a service's pod and container over its runtime's, as Kubernetes' strategic merge.

Maps merge key by key, None removes a key, and a list of objects merges by the key that
the Kubernetes API names for it (``patchMergeKey``). Any other list replaces the one
below, and so does a list whose key is missing or not unique: guessing would join two
things that are not the same.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVING_CONTAINER = "kserve-container"

_MERGE_KEYS = MappingProxyType(
    {
        "containers": "name",
        "env": "name",
        "ephemeralContainers": "name",
        "hostAliases": "ip",
        "imagePullSecrets": "name",
        "initContainers": "name",
        "ports": "containerPort",
        "resourceClaims": "name",
        "topologySpreadConstraints": "topologyKey",
        "volumeDevices": "devicePath",
        "volumeMounts": "mountPath",
        "volumes": "name",
    }
)
# Exactly one of several keys may be set in these (value or valueFrom; one volume
# source), so an item of the overlay replaces the item of the same name.
_REPLACED = frozenset({"env", "volumes"})


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Return *overlay* laid over *base*; neither is changed."""
    merged = {key: _copied(value) for key, value in base.items()}
    for key, value in overlay.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        elif isinstance(value, list) and isinstance(merged.get(key), list):
            merged[key] = _merged_list(key, merged[key], value)
        else:
            merged[key] = _copied(value)
    return merged


def merge_container(
    base: Mapping[str, Any], overlay: Mapping[str, Any]
) -> dict[str, Any]:
    """Merge two serving containers; as in KServe their ``args`` are put end to end."""
    merged = merge(base, overlay)
    args = [*(base.get("args") or ()), *(overlay.get("args") or ())]
    if args:
        merged["args"] = args
    return merged


def without(source: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Return *source* as a dict without *keys*."""
    return {key: value for key, value in source.items() if key not in keys}


def container(pod: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Return the container called *name* of *pod*, or None."""
    for item in pod.get("containers") or ():
        if item.get("name") == name:
            return dict(item)
    return None


def _merged_list(key: str, base: list[Any], overlay: list[Any]) -> list[Any]:
    merge_key = _MERGE_KEYS.get(key)
    below, above = _by(merge_key, base), _by(merge_key, overlay)
    if below is None or above is None:
        return [_copied(item) for item in overlay]
    items: dict[Any, Any] = {}
    for name, item in below.items():
        if name not in above:
            items[name] = _copied(item)
        elif key in _REPLACED:
            items[name] = _copied(above[name])
        else:
            items[name] = merge(item, above[name])
    items.update({n: _copied(item) for n, item in above.items() if n not in items})
    return list(items.values())


def _by(merge_key: str | None, items: list[Any]) -> dict[Any, dict[str, Any]] | None:
    """Index *items* by *merge_key*; None where that is not possible."""
    if merge_key is None:
        return None
    indexed: dict[Any, dict[str, Any]] = {}
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get(merge_key), str | int):
            return None
        if item[merge_key] in indexed:
            return None
        indexed[item[merge_key]] = item
    return indexed


def _copied(value: Any) -> Any:  # noqa: ANN401 - any YAML value
    if isinstance(value, dict):
        return {k: _copied(item) for k, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value
