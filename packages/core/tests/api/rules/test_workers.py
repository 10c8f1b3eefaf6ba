from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inferry.api import Loaded

MODEL = {"modelFormat": {"name": "huggingface"}, "storageUri": "pvc://claim/m"}
SCALER = "serving.kserve.io/autoscalerClass"


def load(
    service: Callable[..., Loaded],
    *,
    model: Any = None,
    worker: Any = None,
    **annotations: Any,
) -> Any:
    predictor = {"model": MODEL | (model or {}), "workerSpec": worker or {}}
    return service({"predictor": predictor}, annotations=annotations)


@pytest.mark.parametrize(
    ("parts", "path", "words"),
    [
        (
            {"worker": {"containers": [{"name": "a"}, {"name": "b"}]}},
            "workerSpec.containers[1]",
            "one container",
        ),
        (
            {"worker": {"pipelineParallelSize": 0}},
            "workerSpec.pipelineParallelSize",
            "at least 1",
        ),
        (
            {"worker": {"tensorParallelSize": -1}},
            "workerSpec.tensorParallelSize",
            "at least 1",
        ),
        (
            {"model": {"env": [{"name": "PIPELINE_PARALLEL_SIZE", "value": "2"}]}},
            "model.env[0]",
            "write workerSpec.pipelineParallelSize",
        ),
        (
            {"model": {"env": [{"name": "TENSOR_PARALLEL_SIZE", "value": "2"}]}},
            "model.env[0]",
            "write workerSpec.tensorParallelSize",
        ),
        (
            {"model": {"resources": {"limits": {"acme.com/npu": 1}}}},
            "model.resources.limits[acme.com/npu]",
            "gpu-resource-types",
        ),
        ({"model": {"storageUri": None}}, "model.storageUri", "is required"),
        ({"model": {"storageUri": "s3://b/m"}}, "model.storageUri", "pvc:// or oci://"),
    ],
)
def test_what_several_nodes_cannot_have_is_told(
    service: Callable[..., Loaded], parts: Any, path: str, words: str
) -> None:
    (problem,) = load(service, **parts).problems

    assert problem.path == f"spec.predictor.{path}"
    assert words in problem.message


def test_several_nodes_do_not_scale(service: Callable[..., Loaded]) -> None:
    (problem,) = load(service, **{SCALER: "hpa"}).problems

    assert problem.path == f"metadata.annotations[{SCALER}]"


@pytest.mark.parametrize(
    "annotations",
    [{SCALER: "none"}, {"serving.kserve.io/gpu-resource-types": '["acme.com/npu"]'}],
)
def test_what_several_nodes_may_have_passes(
    service: Callable[..., Loaded], annotations: Any
) -> None:
    limits = {"nvidia.com/gpu": 1, "cpu": 2, "memory": "1Gi"}
    if SCALER not in annotations:
        limits["acme.com/npu"] = 1
    worker = {"containers": [{"name": "worker-container"}], "tensorParallelSize": 2}
    model = {"resources": {"limits": limits}}

    assert load(service, model=model, worker=worker, **annotations).problems == ()
