from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from inferry.api import loads

if TYPE_CHECKING:
    from typing import Any


def runtime(
    name: Any, *, kind: Any = "ServingRuntime", protocols: Any = ("v1",), **fields: Any
) -> Any:
    entry = {"name": "sklearn", "version": "1", "autoSelect": True, "priority": 1}
    spec = {
        "supportedModelFormats": [entry | fields],
        "protocolVersions": list(protocols),
        "containers": [{"name": "kserve-container", "image": "i"}],
    }
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def load(*documents: Any) -> Any:
    return loads("\n---\n".join(map(json.dumps, documents)), file="f")


def test_a_name_is_used_once() -> None:
    loaded = load(runtime("a"), runtime("a", version="2"))

    (problem,) = loaded.problems
    assert (problem.path, problem.line) == ("metadata.name", 3)
    assert "defined at f:1 already" in problem.message
    assert len(loaded.documents) == 1


def test_two_runtimes_of_one_priority_are_refused() -> None:
    (problem,) = load(runtime("a"), runtime("b")).problems

    assert problem.path == "spec.supportedModelFormats[0].priority"
    assert "'a' (f:1)" in problem.message


def test_a_runtime_without_protocols_speaks_them_all() -> None:
    assert len(load(runtime("a", protocols=()), runtime("b")).problems) == 1


@pytest.mark.parametrize(
    "other",
    [
        runtime("b", priority=2),
        runtime("b", version="2"),
        runtime("b", version=None),
        runtime("b", autoSelect=False),
        runtime("b", protocols=["v2"]),
        runtime("a", kind="ClusterServingRuntime"),
    ],
)
def test_runtimes_that_something_tells_apart_pass(other: Any) -> None:
    loaded = load(runtime("a"), other)

    assert loaded.problems == ()
    assert len(loaded.documents) == 2
