from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.api import (
    InferenceService,
    InferenceServiceSpec,
    ModelFormatRef,
    ModelSpec,
    ObjectMeta,
    PredictorSpec,
    ServingRuntime,
    ServingRuntimeSpec,
    WorkerSpec,
    validate,
    validate_update,
)

if TYPE_CHECKING:
    from typing import Any

MODE = "serving.kserve.io/deploymentMode"


def service(uri: Any = "s3://b/m", name: Any = None, mode: Any = None) -> Any:
    model = ModelSpec(model_format=ModelFormatRef(name="onnx"), storage_uri=uri)
    annotations = {MODE: mode} if mode else {}
    return InferenceService(
        metadata=ObjectMeta(name="a", annotations=annotations),
        spec=InferenceServiceSpec(predictor=PredictorSpec(model=model, name=name)),
    )


def runtime(worker: Any = None) -> Any:
    spec = ServingRuntimeSpec(worker_spec=worker)
    return ServingRuntime(metadata=ObjectMeta(name="a"), spec=spec)


def test_a_document_in_hand_is_validated_without_a_file() -> None:
    assert validate(service()) == ()
    (problem,) = validate(service(uri="s3:/b"))
    assert (problem.path, problem.file, problem.line) == (
        "spec.predictor.model.storageUri",
        "",
        0,
    )


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (
            service(mode="Standard"),
            service(mode="Knative"),
            f"metadata.annotations[{MODE}]",
        ),
        (service(name="a"), service(name="b"), "spec.predictor.name"),
        (runtime(WorkerSpec()), runtime(), "spec.workerSpec"),
    ],
)
def test_an_update_that_cannot_be_is_told(old: Any, new: Any, path: str) -> None:
    (problem,) = validate_update(old, new)

    assert problem.path == path


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (service(mode="Standard"), service(mode="Standard")),
        (service(mode="Standard"), service()),
        (service(name="a"), service(uri="s3://b/n", name="b")),
        (service(), service(uri="s3://b/n")),
        (runtime(), runtime(WorkerSpec())),
        (service(), runtime()),
    ],
)
def test_an_update_that_can_be_passes(old: Any, new: Any) -> None:
    assert validate_update(old, new) == ()
