"""The values of a Secret: texts that no message ever shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.api import _leaves as leaves
from inferry.api._nodes import Mapping, Node, Scalar

if TYPE_CHECKING:
    from inferry.api._leaves import Sink
    from inferry.api._problems import Path


def texts(node: Node, path: Path, sink: Sink) -> dict[str, str] | None:
    """Return keys and values of *node*, with a problem for each that is no text."""
    if not isinstance(node, Mapping):
        sink.add(node, path, f"must be a mapping, not {leaves.kind_of(node)}")
        return None
    found: dict[str, str] = {}
    for name, child in node.items.items():
        if isinstance(child, Scalar) and isinstance(child.value, str):
            found[name] = child.value
        elif not leaves.is_null(child):
            what = leaves.kind_of(child)
            message = f"must be text, but YAML reads it as {what}; quote it"
            sink.add(child, (*path, name), message)
    return found
