from __future__ import annotations

from json import dumps
from typing import Any

import pytest

from inferry.api import TrainedModel, loads, validate_update


def text(name: str = "cifar10", **model: Any) -> str:
    given = {"framework": "onnx", "storageUri": "s3://models/cifar", "memory": "1Gi"}
    return dumps(
        {
            "apiVersion": "serving.kserve.io/v1alpha1",
            "kind": "TrainedModel",
            "metadata": {"name": name},
            "spec": {"inferenceService": "triton", "model": given | model},
        }
    )


def document(**model: Any) -> Any:
    return loads(text(**model)).documents[0].document


def test_a_trained_model_is_read() -> None:
    found = document(memory=1024)
    assert isinstance(found, TrainedModel)
    assert found.spec.model.memory == 1024


@pytest.mark.parametrize(
    ("model", "path", "words"),
    [
        ({"storageUri": "hf://a/b"}, "storageUri", "s3://, gs://, https://, http://"),
        ({"storageUri": "s3:///"}, "storageUri", "names nothing"),
        ({"memory": "much"}, "memory", "must be a quantity"),
        ({"memory": 0.5}, "memory", "512Mi"),
        ({"memory": "-1"}, "memory", "cannot be negative"),
        ({"framework": None}, "framework", "is required"),
    ],
)
def test_what_no_trained_model_may_be_is_told(
    model: dict[str, Any], path: str, words: str
) -> None:
    (found,) = loads(text(**model)).problems
    assert found.path == f"spec.model.{path}"
    assert words in found.message


def test_its_memory_cannot_change() -> None:
    (found,) = validate_update(document(memory="1Gi"), document(memory="2Gi"))
    assert found.path == "spec.model.memory"
    assert "it was 1Gi" in found.message
    assert validate_update(document(), document(storageUri="s3://models/b")) == ()
