"""Texts become the rows that transformers would make."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import transformers

from inferry.errors import InvalidInput, ModelLoadError
from inferry_runtime_huggingface import folder as folders
from inferry_runtime_huggingface.encoding import (
    Encoding,
    Texts,
    TokenIds,
    longest,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inferry_runtime_huggingface.model import HuggingfaceModel

TEXTS = ["The cat sat", "kittens, London?", ""]


@pytest.fixture
def folder(berts: Any) -> Path:
    path: Path = berts("Model")
    return path


@pytest.fixture
def tokenizer(folder: Path) -> Any:
    return transformers.AutoTokenizer.from_pretrained(folder)


def encoding(tokenizer: Any, **more: Any) -> Encoding:
    return Encoding(tokenizer, vocabulary=26, **{"max_length": 8} | more)


def test_makes_the_tokens_that_transformers_makes(tokenizer: Any) -> None:
    expected = tokenizer(TEXTS, TEXTS[::-1], truncation=True, max_length=8)

    rows = encoding(tokenizer).rows(Texts(texts=TEXTS, pairs=TEXTS[::-1]))

    assert [row.ids for row in rows] == expected["input_ids"]
    assert [row.types for row in rows] == expected["token_type_ids"]


def test_a_tokenizer_in_python_gives_the_same(tokenizer: Any) -> None:
    class Slow:
        is_fast = False

        def __call__(self, *arguments: Any, **more: Any) -> Any:
            return tokenizer(*arguments, **more)

    given = Texts(texts=["the cat " * 9, "a"])
    fast, slow = encoding(tokenizer).rows(given), encoding(Slow()).rows(given)

    assert [row.cut for row in slow] == [row.cut for row in fast] == [True, False]
    assert slow[1].ids == fast[1].ids
    assert len(slow[0].ids) == len(fast[0].ids) == 8


def test_leaves_special_tokens_out_where_asked(tokenizer: Any) -> None:
    plain = encoding(tokenizer, special_tokens=False)

    assert plain.rows(Texts(texts=["the cat"]))[0].ids == [5, 7]
    with pytest.raises(InvalidInput, match="text 1 has no tokens"):
        plain.rows(Texts(texts=["cat", ""]))


def test_knows_how_long_a_prompt_is(tokenizer: Any) -> None:
    (row,) = encoding(tokenizer).rows(Texts(texts=["cat"], prompt="the big "))

    assert row.ids == tokenizer("the big cat")["input_ids"]
    assert row.prompt == 3


def test_lowers_the_case_first_where_the_model_wants_it(tokenizer: Any) -> None:
    (row,) = encoding(tokenizer, lower_case=True).rows(Texts(texts=["CAT"]))

    assert row.ids == [2, 7, 3]


def test_cuts_token_ids_or_refuses_them(tokenizer: Any) -> None:
    given = TokenIds(ids=[[5] * 9])

    (row,) = encoding(tokenizer).rows(given)
    assert row.cut
    assert len(row.ids) == 8
    with pytest.raises(InvalidInput, match="has 9 tokens, the model takes 8"):
        encoding(tokenizer, truncate=False).rows(given)


def settings(folder: Path, **changes: Any) -> folders.ModelFolder:
    found = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**found, **changes}))
    return folders.open_folder(folder, {})


def test_takes_the_least_that_the_folder_names(folder: Path, tokenizer: Any) -> None:
    assert longest(settings(folder), tokenizer, {}) == 32
    assert longest(settings(folder, max_position_embeddings=24), tokenizer, {}) == 24
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 12}')
    assert longest(settings(folder), tokenizer, {}) == 12


def test_knows_who_counts_positions_from_the_padding_on(
    folder: Path, tokenizer: Any
) -> None:
    found = settings(
        folder, model_type="roberta", pad_token_id=1, max_position_embeddings=26
    )

    assert longest(found, tokenizer, {}) == 24


@pytest.mark.parametrize("name", ["maxLength", "maxModelLen"])
def test_the_option_lowers_what_the_model_can(
    folder: Path, tokenizer: Any, name: str
) -> None:
    assert longest(settings(folder), tokenizer, {name: 16}) == 16
    with pytest.raises(ModelLoadError, match=f"{name} is 99, and the model has 32"):
        longest(settings(folder), tokenizer, {name: 99})


def test_keeps_upper_case_where_the_option_asks(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    task: Any = loaded(folder, disableLowerCase=True).task

    assert task.tokenizer.backend_tokenizer.normalizer.normalize_str("Cat") == "Cat"
