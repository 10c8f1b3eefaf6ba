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
    TransformerSpec,
    default,
)

if TYPE_CHECKING:
    from typing import Any

MODE = "serving.kserve.io/deploymentMode"


def service(predictor: Any, *, annotations: Any = None, **spec: Any) -> Any:
    return InferenceService(
        metadata=ObjectMeta(name="a", annotations=annotations or {}),
        spec=InferenceServiceSpec(predictor=predictor, **spec),
    )


@pytest.mark.parametrize(
    ("key", "protocol"),
    [("sklearn", None), ("onnx", "v2"), ("triton", "v2"), ("huggingface", "v2")],
)
def test_a_legacy_key_becomes_a_model(key: str, protocol: Any) -> None:
    before = service(PredictorSpec(**{key: ModelSpec(storage_uri="s3://b")}))

    after = default(before)

    assert after.spec.predictor == PredictorSpec(
        model=ModelSpec(
            model_format=ModelFormatRef(name=key),
            storage_uri="s3://b",
            protocol_version=protocol,
        )
    )
    assert after.metadata.annotations == {"modelFormat": key}


@pytest.mark.parametrize(
    ("name", "given", "protocol"),
    [
        ("triton", None, "v2"),
        ("vLLM", None, "v2"),
        ("sklearn", None, None),
        ("triton", "grpc-v2", "grpc-v2"),
    ],
)
def test_some_formats_speak_v2(name: str, given: Any, protocol: Any) -> None:
    model = ModelSpec(model_format=ModelFormatRef(name=name), protocol_version=given)

    after = default(service(PredictorSpec(model=model)))

    assert after.spec.predictor.model is not None
    assert after.spec.predictor.model.protocol_version == protocol


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("RawDeployment", "Standard"),
        ("Serverless", "Knative"),
        ("Standard", "Standard"),
        ("other", "other"),
    ],
)
def test_modes_get_their_new_names(before: Any, after: Any) -> None:
    done = default(service(PredictorSpec(), annotations={MODE: before}))

    assert done.metadata.annotations == {MODE: after}


def test_model_mesh_gets_no_model_format() -> None:
    model = ModelSpec(model_format=ModelFormatRef(name="onnx"))

    done = default(service(PredictorSpec(model=model), annotations={MODE: "ModelMesh"}))

    assert done.metadata.annotations == {MODE: "ModelMesh"}


@pytest.mark.parametrize(
    ("names", "after"),
    [
        ([None], ["kserve-container"]),
        (["mine"], ["kserve-container"]),
        ([None, "b"], ["kserve-container", "b"]),
        (["a", "b"], ["a", "b"]),
    ],
)
def test_a_custom_predictor_is_named(names: Any, after: Any) -> None:
    containers = [{"name": name} if name else {} for name in names]

    done = default(service(PredictorSpec(pod={"containers": containers})))

    assert [each["name"] for each in done.spec.predictor.pod["containers"]] == after


def test_containers_beside_a_model_keep_their_names() -> None:
    model = ModelSpec(model_format=ModelFormatRef(name="onnx"))
    pod = {"containers": [{"name": "transformer-container"}]}

    done = default(service(PredictorSpec(model=model, pod=pod)))

    assert done.spec.predictor.pod == pod


def test_a_transformer_is_named_by_its_first_container() -> None:
    pod = {"containers": [{"name": "a"}, {"name": "b"}]}

    done = default(service(PredictorSpec(), transformer=TransformerSpec(pod=pod)))

    assert done.spec.transformer is not None
    names = [each["name"] for each in done.spec.transformer.pod["containers"]]
    assert names == ["kserve-container", "b"]


def test_two_implementations_are_left_to_the_rules() -> None:
    both = PredictorSpec(sklearn=ModelSpec(), onnx=ModelSpec())

    assert default(service(both)).spec.predictor == both


def test_a_canary_gets_the_same_defaults() -> None:
    canary = PredictorSpec(onnx=ModelSpec(storage_uri="s3://b"))

    done = default(service(PredictorSpec(), canary=canary))

    assert isinstance(done.spec.canary, PredictorSpec)
    assert done.spec.canary.onnx is None
    assert done.spec.canary.model is not None
