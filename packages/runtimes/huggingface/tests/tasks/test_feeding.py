"""The options choose what the model is given of a tokenizer's tensors."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers

from inferry.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from inferry_runtime_huggingface.model import HuggingfaceModel

    Seen = tuple[HuggingfaceModel, list[dict[str, torch.Tensor]]]

IDS, MASK, TYPES = "input_ids", "attention_mask", "token_type_ids"
TEXTS = ("the cat sat on the mat", "Paris", "a big dog", "a small cat")


@pytest.fixture
def folder(berts: Any) -> Path:
    path: Path = berts("ForSequenceClassification", num_labels=3)
    return path


@pytest.fixture
def seen(loaded: Callable[..., HuggingfaceModel]) -> Iterator[Callable[..., Seen]]:
    """Give what loads a model, and returns it and what it will be given."""
    hooks: list[Any] = []

    def watched(path: Path, **options: Any) -> Seen:
        calls: list[dict[str, torch.Tensor]] = []

        def note(_module: Any, _args: Any, given: dict[str, Any]) -> None:
            calls.append(given)

        model = loaded(path, **options)
        task: Any = model.task
        hooks.append(task.model.register_forward_pre_hook(note, with_kwargs=True))
        return model, calls

    yield watched
    for hook in hooks:
        hook.remove()


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, {IDS, MASK, TYPES}),
        ({"returnTokenTypeIds": True}, {IDS, MASK, TYPES}),
        ({"returnTokenTypeIds": False}, {IDS, MASK}),
        ({"tensorInputNames": "input_ids"}, {IDS}),
        ({"tensorInputNames": "input_ids, attention_mask"}, {IDS, MASK}),
        ({"tensorInputNames": "token_type_ids,input_ids"}, {IDS, TYPES}),
    ],
)
def test_the_model_is_given_what_the_options_say(
    folder: Path,
    seen: Callable[..., Seen],
    ask: Any,
    options: dict[str, Any],
    names: set[str],
) -> None:
    model, calls = seen(folder, **options)

    ask(model, *TEXTS)

    assert [set(each) for each in calls] == [names] * len(calls)


def test_the_types_tell_the_texts_of_a_pair_apart(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any
) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    bare = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    given = tokenizer("the cat", "the mat", return_tensors="pt")

    for is_given in (True, False):
        (answer,) = ask(
            loaded(folder, returnTokenTypeIds=is_given),
            "the cat",
            text_pair=["the mat"],
            outputs=("logits",),
        ).outputs
        types = given[TYPES] if is_given else torch.zeros_like(given[TYPES])
        with torch.inference_mode():
            expected = bare(**{**given, TYPES: types}).logits.numpy()
        np.testing.assert_allclose(answer.data, expected, atol=1e-5)


def test_without_a_mask_no_padding_is_taken_for_text(
    folder: Path,
    loaded: Callable[..., HuggingfaceModel],
    seen: Callable[..., Seen],
    ask: Any,
) -> None:
    (expected,) = ask(loaded(folder), *TEXTS, outputs=("logits",)).outputs
    model, calls = seen(folder, tensorInputNames="input_ids")

    (answer,) = ask(model, *TEXTS, outputs=("logits",)).outputs

    np.testing.assert_allclose(answer.data, expected.data, atol=1e-5)
    assert sorted(tuple(each[IDS].shape) for each in calls) == [(1, 3), (1, 8), (2, 5)]


def test_refuses_names_of_no_tensor(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    with pytest.raises(ModelLoadError, match="InputNames names 'input_idz'; name inpu"):
        loaded(folder, tensorInputNames="input_idz,input_ids")
    with pytest.raises(ModelLoadError, match="tensorInputNames leaves out input_ids"):
        loaded(folder, tensorInputNames="attention_mask")


def test_says_that_types_are_not_given(
    folder: Path,
    tmp_path: Path,
    loaded: Callable[..., HuggingfaceModel],
    caplog: pytest.LogCaptureFixture,
    ask: Any,
) -> None:
    names = "input_ids,attention_mask,token_type_ids"
    with caplog.at_level(logging.WARNING):
        loaded(folder, tensorInputNames=names)
    assert not caplog.messages

    with caplog.at_level(logging.WARNING):
        loaded(folder, tensorInputNames=names, returnTokenTypeIds=False)
    assert "token_type_ids without effect: the option returnToken" in caplog.text

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.save_pretrained(tmp_path / "distilled")
    settings = transformers.DistilBertConfig(
        vocab_size=len(tokenizer), dim=16, n_layers=1, n_heads=2, hidden_dim=32
    )
    transformers.DistilBertModel(settings).save_pretrained(tmp_path / "distilled")
    with caplog.at_level(logging.WARNING):
        model = loaded(tmp_path / "distilled", tensorInputNames=names)
    assert "token_type_ids without effect: the model takes none" in caplog.text
    assert ask(model, "cat").outputs[0].data.shape == (1, 16)
