"""InferenceGraph: nodes that exist, steps with one target, weights that add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry._suggest import closest
from inferry.api._problems import Finding
from inferry.api._rules import limits, names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.api._graphs import GraphNode, GraphStep, InferenceGraph
    from inferry.api._problems import Path

ROOT = "root"
_ALL = 100
_TARGETS = {
    "nodeName": "node_name",
    "serviceName": "service_name",
    "serviceUrl": "service_url",
}


def named(graph: InferenceGraph) -> Iterator[Finding]:
    """Name, namespace and labels have Kubernetes' shape."""
    yield from names.check_service_name(graph.metadata)
    yield from names.check_namespace(graph.metadata)
    yield from names.check_labels(("metadata",), graph.metadata)


def nodes(graph: InferenceGraph) -> Iterator[Finding]:
    """There is a root, each node has steps, and no two steps have one name."""
    path: Path = ("spec", "nodes")
    known = graph.spec.nodes
    yield from limits.too_many(("spec",), "nodes", known)
    if ROOT not in known:
        message = (
            "root node not found: one node has to be called 'root', where the walk "
            "begins"
        )
        yield Finding(path, message, closest(ROOT, known))
    for name, node in known.items():
        where: Path = (*path, name, "steps")
        yield from limits.too_many((*path, name), "steps", node.steps)
        if not node.steps:
            yield Finding(where, "is required: a node has at least one step")
        seen: set[str] = set()
        for index, step in enumerate(node.steps):
            if step.name and step.name in seen:
                message = f"{step.name!r} is the name of another step of the node too"
                yield Finding((*where, index, "name"), message)
            seen.add(step.name or "")
            yield from _target((*where, index), step, graph)
        yield from _weights(where, node)


def cycles(graph: InferenceGraph) -> Iterator[Finding]:
    """No node is reached from itself: the walk would never end."""
    done: set[str] = set()
    for start in graph.spec.nodes:
        if found := _cycle(graph, start, [], done):
            route = " -> ".join(found)
            message = f"leads back to itself: {route}; a graph has no cycle"
            yield Finding(("spec", "nodes", found[0]), message)


def replicas(graph: InferenceGraph) -> Iterator[Finding]:
    """No count is negative, and the least replicas are no more than the most."""
    spec = graph.spec
    for name, value, least in (
        ("minReplicas", spec.min_replicas, 0),
        ("maxReplicas", spec.max_replicas, 0),
        ("scaleTarget", spec.scale_target, 1),
        ("timeout", spec.timeout, 1),
    ):
        if value is not None and value < least:
            message = f"is {value}; it must be at least {least}"
            yield Finding(("spec", name), message)
    low, high = spec.min_replicas, spec.max_replicas
    if low is not None and high and low > high > 0:
        message = f"is {low}, more than maxReplicas, {high}"
        yield Finding(("spec", "minReplicas"), message)
    waits = spec.router_timeouts
    for name, seconds in (
        ("serverRead", waits.server_read if waits else None),
        ("serverWrite", waits.server_write if waits else None),
        ("serverIdle", waits.server_idle if waits else None),
        ("serviceClient", waits.service_client if waits else None),
    ):
        if seconds is not None and seconds < 0:
            message = f"is {seconds}; it must be at least 0"
            yield Finding(("spec", "routerTimeouts", name), message)


RULES = (named, nodes, cycles, replicas)


def _target(path: Path, step: GraphStep, graph: InferenceGraph) -> Iterator[Finding]:
    given = [name for name, field in _TARGETS.items() if getattr(step, field)]
    if not given:
        message = (
            "does not specify an inference target; give nodeName, serviceName or "
            "serviceUrl"
        )
        yield Finding(path, message)
    elif len(given) > 1:
        message = f"{' and '.join(given)} are two inference targets; keep one"
        yield Finding((*path, given[1]), message)
    if step.node_name and step.node_name not in graph.spec.nodes:
        message = f"{step.node_name!r} is no node of this graph"
        near = closest(step.node_name, graph.spec.nodes)
        yield Finding((*path, "nodeName"), message, near)
    if step.weight is not None and not 0 <= step.weight <= _ALL:
        message = f"is {step.weight}; it must be from 0 to 100"
        yield Finding((*path, "weight"), message)


def _weights(path: Path, node: GraphNode) -> Iterator[Finding]:
    if node.router_type != "Splitter":
        return
    weights = [step.weight for step in node.steps]
    for index, weight in enumerate(weights):
        if weight is None:
            message = "is required: the step's share of the requests, per cent"
            yield Finding((*path, index, "weight"), message)
    given = [weight for weight in weights if weight is not None]
    if node.steps and len(given) == len(weights) and sum(given) != _ALL:
        message = f"the weights of a Splitter add up to 100, not {sum(given)}"
        yield Finding(path, message)


def _cycle(
    graph: InferenceGraph, name: str, route: list[str], done: set[str]
) -> list[str]:
    """Return the nodes of a cycle that *name* leads into, or an empty list."""
    if name in route:
        return [*route[route.index(name) :], name]
    node = graph.spec.nodes.get(name)
    if name in done or node is None:
        return []
    done.add(name)
    for step in node.steps:
        if step.node_name:
            found = _cycle(graph, step.node_name, [*route, name], done)
            if found:
                return found
    return []
