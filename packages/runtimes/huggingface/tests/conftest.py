"""Tiny models of random weights, made on the spot as Hugging Face lays them out."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from inferry.model import InferRequest, InferResponse, Tensor
from inferry_runtime_huggingface.model import HuggingfaceModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    Ask = Callable[..., InferResponse]

WORDS = [
    "the",
    "a",
    "cat",
    "dog",
    "sat",
    "on",
    "mat",
    "and",
    "king",
    "lives",
    "in",
    "paris",
    "london",
    "big",
    "small",
]
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PIECES = ("##s", "##ten", "kit", ",", ".", "?")

os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(autouse=True, scope="session")
def _quiet() -> None:
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def tokenizer() -> Any:
    """Return BERT's way to tokenize, over a few words."""
    vocabulary = [*SPECIAL, *WORDS, *PIECES]
    numbers = {word: index for index, word in enumerate(vocabulary)}
    made = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return transformers.BertTokenizer(
        tokenizer_object=made,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=32,
    )


class Berts:
    """Writes models of one layer; *head* is the end of the class's name."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._count = 0

    def __call__(self, head: str, **config: Any) -> Path:
        """Return the folder of a new model, whose weights depend on nothing."""
        self._count += 1
        folder = self._root / f"{head.lower()}-{self._count}"
        torch.manual_seed(1)
        words = tokenizer()
        settings = transformers.BertConfig(
            vocab_size=len(words),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=32,
            initializer_range=0.5,
            **config,
        )
        model = getattr(transformers, f"Bert{head}")(settings)
        model.save_pretrained(folder)
        words.save_pretrained(folder)
        return folder


@pytest.fixture
def berts(tmp_path: Path) -> Berts:
    """Give what writes tiny models."""
    return Berts(tmp_path)


@pytest.fixture
def loaded() -> Iterator[Callable[..., HuggingfaceModel]]:
    """Give what loads a model, which is unloaded after the test."""
    made: list[HuggingfaceModel] = []

    def load(path: Path, **options: Any) -> HuggingfaceModel:
        model = HuggingfaceModel()
        model.load(path, {"threads": 1, **options})
        made.append(model)
        return model

    yield load
    for each in made:
        each.unload()


def texts(name: str, *values: str) -> Tensor:
    data: np.ndarray[Any, Any] = np.empty(len(values), dtype=object)
    data[:] = [value.encode() for value in values]
    return Tensor(name=name, datatype="BYTES", data=data)


@pytest.fixture
def ask() -> Ask:
    """Give what asks a model about texts, or about arrays by name."""

    def asked(
        model: HuggingfaceModel,
        *values: str,
        outputs: tuple[str, ...] = (),
        parameters: Mapping[str, Any] | None = None,
        **inputs: Any,
    ) -> InferResponse:
        given = [texts("input-0", *values)] if values else []
        for name, value in inputs.items():
            if isinstance(value, list) and value and isinstance(value[0], str):
                given.append(texts(name, *value))
            else:
                data = np.asarray(value, dtype=np.int64)
                given.append(Tensor(name=name, datatype="INT64", data=data))
        request = InferRequest(
            inputs=tuple(given), outputs=outputs, parameters=parameters or {}
        )

        async def main() -> InferResponse:
            answer: Any = model.predict(request)
            return await answer

        return asyncio.run(main())

    return asked
