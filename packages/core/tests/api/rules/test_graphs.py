from __future__ import annotations

from json import dumps
from typing import Any

import pytest

from inferry.api import InferenceGraph, loads

STEP = {"serviceName": "iris"}


def graph(nodes: Any, **spec: Any) -> str:
    return dumps(
        {
            "apiVersion": "serving.kserve.io/v1alpha1",
            "kind": "InferenceGraph",
            "metadata": {"name": spec.pop("name", "graph")},
            "spec": {"nodes": nodes, **spec},
        }
    )


def node(*steps: Any, kind: str = "Sequence") -> dict[str, Any]:
    return {"routerType": kind, "steps": list(steps)}


def test_a_graph_is_read_with_its_nodes_and_steps() -> None:
    loaded = loads(graph({"root": node({**STEP, "weight": 100}, kind="Splitter")}))
    assert loaded.problems == ()
    document = loaded.documents[0].document
    assert isinstance(document, InferenceGraph)
    assert document.spec.nodes["root"].steps[0].service_name == "iris"


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        (graph({"rot": node(STEP)}), "spec.nodes", "root node not found"),
        (graph({"root": node()}), "spec.nodes.root.steps", "at least one step"),
        (
            graph({"root": node({"name": "a"})}),
            "spec.nodes.root.steps[0]",
            "does not specify an inference target",
        ),
        (
            graph({"root": node({**STEP, "serviceUrl": "http://a"})}),
            "spec.nodes.root.steps[0].serviceUrl",
            "two inference targets",
        ),
        (
            graph({"root": node({"nodeName": "there"}), "three": node(STEP)}),
            "spec.nodes.root.steps[0].nodeName",
            "no node of this graph",
        ),
        (
            graph({"root": node({**STEP, "name": "a"}, {**STEP, "name": "a"})}),
            "spec.nodes.root.steps[1].name",
            "another step",
        ),
        (
            graph({"root": node(STEP, kind="Splitter")}),
            "spec.nodes.root.steps[0].weight",
            "is required",
        ),
        (
            graph({"root": node({**STEP, "weight": 60}, kind="Splitter")}),
            "spec.nodes.root.steps",
            "add up to 100, not 60",
        ),
        (
            graph({"root": node({**STEP, "weight": 101})}),
            "spec.nodes.root.steps[0].weight",
            "from 0 to 100",
        ),
        (
            graph({"root": node({"nodeName": "a"}), "a": node({"nodeName": "root"})}),
            "spec.nodes.root",
            "root -> a -> root",
        ),
        (
            graph({"root": node(STEP)}, minReplicas=3, maxReplicas=2),
            "spec.minReplicas",
            "more than maxReplicas",
        ),
        (
            graph({"root": node(STEP)}, routerTimeouts={"serverRead": -1}),
            "spec.routerTimeouts.serverRead",
            "at least 0",
        ),
        (graph({"root": node(STEP)}, name="1st"), "metadata.name", "starts with"),
        (graph({"root": {"steps": [STEP]}}), "spec.nodes.root.routerType", "required"),
    ],
)
def test_what_no_graph_may_be_is_told(text: str, path: str, words: str) -> None:
    loaded = loads(text)
    assert [each.path for each in loaded.problems] == [path]
    assert words in loaded.problems[0].message


def test_all_that_is_wrong_is_told_at_once() -> None:
    text = graph({"one": node({}, {**STEP, "nodeName": "two"}), "two": node()})
    assert len(loads(text).problems) == 4
