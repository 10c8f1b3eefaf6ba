"""Pod and container fields against the table of Kubernetes' own types.

``_kubernetes.json`` is written by ``scripts/kubernetes_fields.py``. KServe's metric
types, which hold no pod fields but are as deep, use the same notation.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from inferry._suggest import closest
from inferry.api import _leaves as leaves
from inferry.api._nodes import Mapping, Node, Sequence

if TYPE_CHECKING:
    from inferry.api._leaves import Sink
    from inferry.api._problems import Path

_METRICS: dict[str, dict[str, str]] = {
    "MetricSpec": {
        "type": "str!",
        "resource": "ResourceMetric",
        "external": "ExternalMetric",
        "podmetric": "PodMetric",
    },
    "MetricTarget": {
        "type": "str",
        "value": "quantity",
        "averageValue": "quantity",
        "averageUtilization": "int",
    },
    "ResourceMetric": {"name": "str!", "target": "MetricTarget!"},
    "ExternalMetric": {
        "metric": "ExternalSource!",
        "target": "MetricTarget!",
        "authenticationRef": "MetricAuthentication",
    },
    "ExternalSource": {
        "backend": "str!",
        "serverAddress": "str",
        "query": "str",
        "namespace": "str",
    },
    "MetricAuthentication": {
        "authModes": "str",
        "authenticationRef": "MetricAuthenticationRef",
    },
    "MetricAuthenticationRef": {"name": "str!"},
    "PodMetric": {"metric": "PodMetricSource!", "target": "MetricTarget!"},
    "PodMetricSource": {
        "backend": "str!",
        "serverAddress": "str",
        "metricNames": "[str]",
        "query": "str",
        "operationOverTime": "str",
    },
}

_LEAVES = {
    "str": leaves.text,
    "int": leaves.whole,
    "bool": leaves.truth,
    "quantity": leaves.quantity,
    "int|str": leaves.whole_or_text,
}


@cache
def fields(type_name: str) -> dict[str, str]:
    """Return the fields of a Kubernetes type, each with its type."""
    return _table()[type_name]


@cache
def _table() -> dict[str, dict[str, str]]:
    from importlib.resources import files

    import msgspec

    content = files("inferry.api").joinpath("_kubernetes.json").read_bytes()
    table: dict[str, dict[str, str]] = msgspec.json.decode(content)["types"]
    return table | _METRICS


def check(node: Node, type_text: str, path: Path, sink: Sink) -> Any:  # noqa: ANN401
    """Return *node* as plain data, with a problem for all that *type_text* forbids.

    The value is whatever the field holds; None means that nothing of it is usable.
    """
    kind = type_text.rstrip("!")
    if kind == "any":
        return node.plain_data()
    if leaf := _LEAVES.get(kind):
        return leaf(node, path, sink)
    if kind.startswith("["):
        return _list(node, kind[1:-1], path, sink)
    if kind.startswith("{"):
        return _map(node, kind[1:-1], path, sink)
    if isinstance(node, Mapping):
        return check_object(node, kind, path, sink)
    sink.add(node, path, f"must be a mapping, not {leaves.kind_of(node)}")
    return None


def check_object(
    node: Mapping, type_name: str, path: Path, sink: Sink
) -> dict[str, Any]:
    """Return a mapping as plain data, each field checked against the type."""
    known = fields(type_name)
    data: dict[str, Any] = {}
    for name, child in node.items.items():
        if name not in known:
            suggestion = "" if sink.full else closest(name, known)
            sink.add(
                node.keys[name], (*path, name), "unknown field", suggestion=suggestion
            )
        elif not leaves.is_null(child):
            value = check(child, known[name], (*path, name), sink)
            if value is not None:
                data[name] = value
    for name, type_text in known.items():
        missing = name not in node.items or leaves.is_null(node.items[name])
        if type_text.endswith("!") and missing:
            sink.add(node, (*path, name), "is required")
    return data


def _list(node: Node, item: str, path: Path, sink: Sink) -> list[Any] | None:
    if not isinstance(node, Sequence):
        sink.add(node, path, f"must be a list, not {leaves.kind_of(node)}")
        return None
    values = (
        check(child, item, (*path, index), sink)
        for index, child in enumerate(node.items)
    )
    return [value for value in values if value is not None]


def _map(node: Node, item: str, path: Path, sink: Sink) -> dict[str, Any] | None:
    if not isinstance(node, Mapping):
        sink.add(node, path, f"must be a mapping, not {leaves.kind_of(node)}")
        return None
    values = {
        key: check(child, item, (*path, key), sink) for key, child in node.items.items()
    }
    return {key: value for key, value in values.items() if value is not None}
