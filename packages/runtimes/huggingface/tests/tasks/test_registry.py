"""The option tells the task, else what the model was saved as."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from inferry.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inferry_runtime_huggingface.model import HuggingfaceModel


@pytest.fixture
def folder(berts: Any) -> Path:
    path: Path = berts("Model")
    return path


@pytest.mark.parametrize(
    ("head", "config", "task"),
    [
        ("Model", {}, "TextEmbedding"),
        ("ForMaskedLM", {}, "FillMask"),
        ("ForTokenClassification", {}, "TokenClassification"),
        ("ForSequenceClassification", {"num_labels": 2}, "SequenceClassification"),
        ("ForSequenceClassification", {"num_labels": 1}, "Rerank"),
    ],
)
def test_the_architecture_tells_the_task(
    berts: Any,
    loaded: Callable[..., HuggingfaceModel],
    head: str,
    config: dict[str, Any],
    task: str,
) -> None:
    assert type(loaded(berts(head, **config)).task).__name__ == task


@pytest.mark.parametrize(
    "name", ["text_embedding", "feature-extraction", "Sentence-Similarity"]
)
def test_the_option_tells_the_task(
    berts: Any, loaded: Callable[..., HuggingfaceModel], name: str
) -> None:
    model = loaded(berts("ForMaskedLM"), task=name)

    assert type(model.task).__name__ == "TextEmbedding"


def test_refuses_a_task_that_there_is_not(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    with pytest.raises(ModelLoadError, match="option task is 'paint'; use one of fill"):
        loaded(folder, task="paint")
    config = folder / "config.json"
    config.write_text(
        json.dumps({**json.loads(config.read_text()), "architectures": ["BertPainter"]})
    )
    with pytest.raises(ModelLoadError, match="'BertPainter', whose task is not known"):
        loaded(folder)
