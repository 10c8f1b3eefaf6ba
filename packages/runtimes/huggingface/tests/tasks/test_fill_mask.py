"""Masked words get what transformers holds likeliest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers

from inferry.errors import InvalidInput, ModelLoadError
from inferry.testing import RuntimeTests
from inferry_runtime_huggingface import plugin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inferry_runtime_huggingface.model import HuggingfaceModel

(DESCRIPTOR,) = plugin.inferry_runtimes()
TEXT = "the [MASK] lives in Paris"
TWO = "the [MASK] sat on the [MASK] and a cat"


@pytest.fixture
def folder(berts: Any) -> Path:
    path: Path = berts("ForMaskedLM")
    return path


class TestKit(RuntimeTests):
    assert DESCRIPTOR.model is not None
    model = DESCRIPTOR.model
    options = {"threads": 1}  # noqa: RUF012 - as the kit declares it

    @pytest.fixture
    def artifact(self, folder: Path) -> Path:
        return folder


def bare(folder: Path, text: str) -> tuple[list[list[str]], np.ndarray[Any, Any]]:
    """Return the words and chances of each mask, best first."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForMaskedLM.from_pretrained(folder)
    given = tokenizer(text, return_tensors="pt")
    with torch.inference_mode():
        logits = model(**given).logits[0]
    masks = logits[given["input_ids"][0] == tokenizer.mask_token_id]
    scores, ids = masks.softmax(-1).sort(descending=True)
    words = [[tokenizer.decode([each]) for each in row] for row in ids.tolist()]
    return words, scores.numpy()


def test_gives_the_likeliest_word(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    (answer,) = ask(loaded(folder), TEXT, TWO).outputs

    (one,), _ = bare(folder, TEXT)
    (first, second), _ = bare(folder, TWO)
    assert answer.data[0] == one[0].encode()
    assert answer.data[1].decode().split() == [first[0], second[0]]


def test_gives_the_best_of_each_mask_by_name(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    model = loaded(folder, topK=3)

    tokens, scores = ask(model, TEXT, TWO, outputs=("tokens", "scores")).outputs

    (words,), chances = bare(folder, TWO)[0][:1], bare(folder, TWO)[1]
    assert tokens.data.shape == scores.data.shape == (2, 2, 3)
    assert [each.decode() for each in tokens.data[1, 0]] == words[:3]
    assert tokens.data[0, 1].tolist() == [b""] * 3
    np.testing.assert_allclose(scores.data[1], chances[:, :3], atol=1e-6)


def test_gives_tokens_with_scores_where_kserves_options_ask(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    model = loaded(folder, returnProbabilities=True)

    assert [t.name for t in ask(model, TEXT).outputs] == ["tokens", "scores"]


def test_says_which_text_has_no_mask(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    with pytest.raises(InvalidInput, match=r"text 1 has no \[MASK\]"):
        ask(loaded(folder), TEXT, "Paris")


def test_refuses_a_tokenizer_without_a_mask(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.mask_token = None
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelLoadError, match="has no mask token"):
        loaded(folder)
