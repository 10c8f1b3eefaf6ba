from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inferry.api import Loaded

MAIN = {"name": "kserve-container", "image": "i"}


def spec(*formats: Any, **fields: Any) -> Any:
    return {"supportedModelFormats": list(formats), "containers": [MAIN]} | fields


def fmt(name: Any = "sklearn", **fields: Any) -> Any:
    return {"name": name, "autoSelect": True} | fields


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        (spec(containers=[]), "spec.containers", "is required"),
        (spec(containers=[MAIN | {"name": "a"}]), "spec.containers", "none is named"),
        (
            spec(containers=[{"name": "kserve-container"}]),
            "spec.containers[0].image",
            "is required",
        ),
        (spec(containers=[MAIN, MAIN]), "spec.containers[1].name", "another container"),
        (
            spec(fmt(priority=0)),
            "spec.supportedModelFormats[0].priority",
            "at least 1",
        ),
        (
            spec(fmt(priority=1), fmt(priority=2, version="2")),
            "spec.supportedModelFormats[1].priority",
            "one priority for each format",
        ),
        (
            spec(containers=[MAIN | {"env": [{"name": "PYTHONPATH"}]}]),
            "spec.containers[0].env[0]",
            "PYTHONPATH cannot be set",
        ),
        (
            spec(workerSpec={"containers": [MAIN | {"env": [{"name": "LD_PRELOAD"}]}]}),
            "spec.workerSpec.containers[0].env[0]",
            "LD_PRELOAD cannot be set",
        ),
        (
            spec(workerSpec={"containers": [MAIN, MAIN | {"name": "b"}]}),
            "spec.workerSpec.containers[1]",
            "one container",
        ),
        (
            spec(workerSpec={"tensorParallelSize": 0}),
            "spec.workerSpec.tensorParallelSize",
            "at least 1",
        ),
        (
            spec(
                containers=[
                    MAIN | {"resources": {"limits": {"cpu": 1}, "requests": {"cpu": 2}}}
                ]
            ),
            "spec.containers[0].resources.requests.cpu",
            "more than the limit",
        ),
        (spec(labels={"a": "b c"}), "spec.labels.a", "a label has"),
        (spec(protocolVersions=["v9"]), "spec.protocolVersions[0]", "none of"),
    ],
)
def test_a_wrong_runtime_is_told(
    runtime: Callable[..., Loaded], document: Any, path: str, words: str
) -> None:
    (problem,) = runtime(document).problems

    assert problem.path == path
    assert words in problem.message


@pytest.mark.parametrize("kind", ["ServingRuntime", "ClusterServingRuntime"])
def test_a_right_runtime_passes(runtime: Callable[..., Loaded], kind: str) -> None:
    document = spec(
        fmt(priority=1, version="1"),
        fmt(priority=1, version="2"),
        fmt("onnx", priority=2),
        protocolVersions=["v1", "v2"],
        multiModel=False,
        nodeSelector={"a": "b"},
        annotations={"prometheus.kserve.io/port": "8080"},
    )

    loaded = runtime(document, kind)

    assert loaded.problems == ()
    assert loaded.documents[0].document.kind == kind


def test_names_are_checked(runtime: Callable[..., Loaded]) -> None:
    assert runtime(spec(), name="My_Runtime").problems[0].path == "metadata.name"
    assert runtime(spec(), namespace="A").problems[0].path == "metadata.namespace"
    assert runtime(spec(), name="my.runtime-1").problems == ()


def test_a_cluster_runtime_has_no_namespace(runtime: Callable[..., Loaded]) -> None:
    loaded = runtime(spec(), "ClusterServingRuntime", namespace="team")

    assert loaded.documents[0].document.metadata.namespace == ""
