"""What CEL says of every kind, by the type that it is about."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from inferry.api._crds.cel import CUSTOM, MIN_TO_MAX, NAMED, Rule, images
from inferry.api._crds.service_rules import SERVICE_RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

_RUNTIME = (
    Rule(
        rule=CUSTOM,
        message=(
            "no container is named kserve-container; give the one that serves that name"
        ),
        field=".containers",
    ),
    Rule(
        rule=images("containers"),
        message="image is required",
        field=".containers",
    ),
    Rule(
        rule=(
            "!has(self.supportedModelFormats) || self.supportedModelFormats.all(a, "
            "!has(a.priority) || !has(a.autoSelect) || !a.autoSelect || "
            "self.supportedModelFormats.all(b, b.name != a.name || !has(b.priority) "
            "|| !has(b.autoSelect) || !b.autoSelect || b.priority == a.priority))"
        ),
        message=(
            "different priorities assigned for the same model format; a runtime has "
            "one priority for each format"
        ),
        field=".supportedModelFormats",
    ),
    Rule(
        rule="!has(oldSelf.workerSpec) || has(self.workerSpec)",
        message="removing workerSpec where it already exists is not allowed",
    ),
)

#: By the name of the type; a type has its ancestors' rules too.
RULES: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        **SERVICE_RULES,
        "ServingRuntimeSpec": _RUNTIME,
        "TrainedModelModel": (
            Rule(
                rule=(
                    # A path is for a laptop; its cluster says so in the status.
                    "!self.storageUri.contains('://') "
                    "|| ['s3://', 'gs://', 'https://', 'http://', 'file://']"
                    ".exists(p, self.storageUri.startsWith(p))"
                ),
                message=(
                    "The storage uri must start with one of the prefixes: s3://, "
                    "gs://, https://, http://"
                ),
                field=".storageUri",
            ),
            Rule(
                rule="self.memory == oldSelf.memory",
                message=(
                    "memory field is immutable; delete the TrainedModel and create it "
                    "anew"
                ),
                field=".memory",
            ),
        ),
        "InferenceGraph": (NAMED,),
        "InferenceGraphSpec": (
            Rule(
                rule="'root' in self.nodes",
                message=(
                    "root node not found, InferenceGraph needs a node with name 'root' "
                    "as the root node of the graph"
                ),
                field=".nodes",
            ),
            Rule(
                rule=(
                    "self.nodes.all(n, !has(self.nodes[n].steps) || "
                    "self.nodes[n].steps.all(s, !has(s.nodeName) "
                    "|| s.nodeName in self.nodes))"
                ),
                message="nodeName must be the name of a node of this graph",
                field=".nodes",
            ),
            MIN_TO_MAX,
        ),
        "GraphNode": (
            Rule(
                rule=(
                    "!has(self.steps) || self.steps.all(a, !has(a.name) "
                    "|| a.name == '' || self.steps.exists_one(b, has(b.name) "
                    "&& b.name == a.name))"
                ),
                message="a node contains more than one step with the same name",
                field=".steps",
            ),
            Rule(
                rule=(
                    "self.routerType != 'Splitter' || !has(self.steps) || ("
                    "self.steps.all(s, has(s.weight)) "
                    "&& self.steps.map(s, s.weight).sum() == 100)"
                ),
                message=(
                    "splitter node: each step needs a 'weight', and the sum of traffic "
                    "weights for all routing targets should be 100"
                ),
                field=".steps",
            ),
        ),
        "GraphStep": (
            Rule(
                rule=(
                    "[has(self.nodeName), has(self.serviceName), has(self.serviceUrl)]"
                    ".filter(x, x).size() == 1"
                ),
                message=(
                    "a step specifies exactly one inference target: nodeName, "
                    "serviceName or serviceUrl"
                ),
            ),
        ),
        "SupportedUriFormat": (
            Rule(
                rule="has(self.prefix) || has(self.regex)",
                message="a URI format has a 'prefix' or a 'regex'",
            ),
        ),
        "ClusterStorageContainerSpec": (
            Rule(
                rule="has(self.container.image) && self.container.name != ''",
                message="the container needs a name and an image",
                field=".container",
            ),
        ),
    }
)
