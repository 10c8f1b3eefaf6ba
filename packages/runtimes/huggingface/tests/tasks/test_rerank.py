"""A cross-encoder scores each query with its document."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers

from inferry.errors import InvalidInput, ModelLoadError
from inferry.testing import RuntimeTests
from inferry_runtime_huggingface import plugin
from inferry_runtime_huggingface.tasks.rerank import Rerank

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inferry_runtime_huggingface.model import HuggingfaceModel
    from inferry_runtime_huggingface.tasks.scored import Scored

(DESCRIPTOR,) = plugin.inferry_runtimes()
QUERY = "the king"
DOCUMENTS = ["Paris", "a king lives in London", "the cat sat"]


@pytest.fixture
def folder(berts: Any) -> Path:
    path: Path = berts("ForSequenceClassification", num_labels=1)
    return path


class TestKit(RuntimeTests):
    assert DESCRIPTOR.model is not None
    model = DESCRIPTOR.model
    options = {"threads": 1}  # noqa: RUF012 - as the kit declares it

    @pytest.fixture
    def artifact(self, folder: Path) -> Path:
        return folder


def logits(folder: Path) -> np.ndarray[Any, Any]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.inference_mode():
        rows = [
            model(**tokenizer(QUERY, each, return_tensors="pt")).logits[0, 0]
            for each in DOCUMENTS
        ]
    found: np.ndarray[Any, Any] = torch.stack(rows).numpy()
    return found


def test_a_model_of_one_label_reranks(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    model = loaded(folder)
    assert isinstance(model.task, Rerank)

    (answer,) = ask(model, query=[QUERY] * 3, document=DOCUMENTS).outputs

    expected = 1 / (1 + np.exp(-logits(folder)))
    np.testing.assert_allclose(answer.data, expected, atol=1e-5)
    assert [each.name for each in model.metadata().inputs] == ["query", "document"]


def test_scores_without_a_sigmoid_where_the_model_or_an_option_says_so(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    plain: Any = loaded(folder, returnRawLogits=True).task
    config = folder / "config.json"
    saved = json.loads(config.read_text())
    named = {"activation_fn": "torch.nn.modules.linear.Identity"}
    config.write_text(json.dumps({**saved, "sentence_transformers": named}))
    told: Any = loaded(folder).task

    for task in (plain, told):
        scored: Scored = asyncio.run(task.score(QUERY, DOCUMENTS))
        np.testing.assert_allclose(scored.scores, logits(folder), atol=1e-5)
        assert scored.counts == (6, 10, 8)


def test_takes_pairs_as_classifiers_do(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    model = loaded(folder)
    (expected,) = ask(model, query=[QUERY], document=["Paris"]).outputs

    (answer,) = ask(model, QUERY, text_pair=["Paris"]).outputs

    assert answer.data == expected.data


def test_says_when_queries_and_documents_are_not_as_many(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    model = loaded(folder)
    with pytest.raises(InvalidInput, match="'query' has 1 texts, 'document' has 3"):
        ask(model, query=[QUERY], document=DOCUMENTS)
    with pytest.raises(InvalidInput, match="'text_pair' has 3 texts, 'input-0' has 1"):
        ask(model, QUERY, text_pair=DOCUMENTS)


def test_refuses_a_model_of_many_labels(
    berts: Any, loaded: Callable[..., HuggingfaceModel]
) -> None:
    folder = berts("ForSequenceClassification", num_labels=3)
    with pytest.raises(ModelLoadError, match="has 3 labels, a reranker has one score"):
        loaded(folder, task="rerank")
