"""The model is what its task is, while it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inferry.errors import ModelNotReady
from inferry.model import InferRequest
from inferry_runtime_huggingface.model import HuggingfaceModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(berts: Any) -> Path:
    path: Path = berts("Model")
    return path


def test_is_not_ready_before_and_after(folder: Path) -> None:
    model = HuggingfaceModel()
    for _ in range(2):
        with pytest.raises(ModelNotReady):
            model.predict(InferRequest(inputs=()))
        model.load(folder, {"threads": 1})
        assert model.openai.keys() == {"embeddings", "rerank"}
        model.unload()
        assert model.openai == {}
    assert not hasattr(model, "stream")
    model.unload()


def test_has_what_its_task_has(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    model = loaded(folder)

    assert type(model.task).__name__ == "TextEmbedding"
    assert model.batching
    assert model.why_unhealthy == ""
    assert model.metrics()["tokens_total"] == 0
    assert not hasattr(model, "predict_v1")
    assert not hasattr(model, "no_such_thing")
