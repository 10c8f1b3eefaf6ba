"""Tiny language models of random weights, and a tokenizer trained on the spot."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from inferry_runtime_huggingface.generation._decoder import Decoder
from inferry_runtime_huggingface.generation.batched import BatchedEngine, Limits
from inferry_runtime_huggingface.generation.engine import Piece, Sampling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BOS, EOS, PAD = "<|bos|>", "<|eos|>", "<|pad|>"
SIZE = 1024
_SOURCES = ("argparse.py", "ast.py", "inspect.py", "typing.py")
_SMALL = {
    "vocab_size": SIZE,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
    "initializer_range": 0.3,
    "tie_word_embeddings": False,
}


class Answer(msgspec.Struct):
    """All that an engine gave for one request."""

    pieces: list[Piece] = []

    @property
    def tokens(self) -> list[int]:
        return [each for piece in self.pieces for each in piece.token_ids]

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @property
    def chances(self) -> list[Any]:
        return [each for piece in self.pieces for each in piece.chances]

    @property
    def reason(self) -> str | None:
        return self.pieces[-1].finish_reason


@pytest.fixture(scope="session")
def words() -> Any:
    """Give a byte-level BPE tokenizer, trained on the standard library."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE,
        special_tokens=[BOS, EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    library = Path(os.__file__).parent
    trained.train([str(library / name) for name in _SOURCES], trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=trained, bos_token=BOS, eos_token=EOS, pad_token=PAD
    )


def _made(kind: str, **config: Any) -> Any:
    torch.manual_seed(7)
    settings = getattr(transformers, f"{kind}Config")(**_SMALL | config)
    settings._attn_implementation = "eager"
    head = "LMHeadModel" if kind == "GPT2" else "ForCausalLM"
    return getattr(transformers, f"{kind}{head}")(settings).eval()


@pytest.fixture(scope="session")
def make() -> Callable[..., Any]:
    """Give what makes a model of an architecture."""
    return _made


@pytest.fixture(scope="session")
def llama() -> Any:
    """Give a Llama of random weights."""
    return _made("Llama")


@pytest.fixture
def engine(llama: Any, words: Any) -> Iterator[Callable[..., BatchedEngine]]:
    """Give what makes engines, which are closed after the test."""
    with contextlib.ExitStack() as stack:

        def made(
            model: Any = llama, *, decoder: Any = None, **limits: Any
        ) -> BatchedEngine:
            limits = {"length": 512, **limits}
            decoder = decoder or Decoder(model)
            built = BatchedEngine(decoder, words, Limits(**limits), ends=[1])
            stack.callback(built.close)
            return built

        yield made


async def answered(
    engine: BatchedEngine, prompt: Any, sampling: Sampling | None = None, **given: Any
) -> Answer:
    fields = {"max_tokens": 12, "temperature": 0.0, "ignore_eos": True, **given}
    answer = Answer(pieces=[])
    pieces = engine.generate(tuple(prompt), sampling or Sampling(**fields))
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            answer.pieces.append(piece)
    return answer


@pytest.fixture
def answer() -> Callable[..., Any]:
    """Give what asks an engine and collects the whole answer."""
    return answered


@pytest.fixture
def gather() -> Callable[..., Any]:
    """Give what asks for several prompts at once."""

    async def asked(engine: BatchedEngine, prompts: Any, **given: Any) -> list[Answer]:
        return await asyncio.gather(
            *(answered(engine, prompt, **given) for prompt in prompts)
        )

    return asked


@pytest.fixture(scope="session")
def bare() -> Callable[..., list[int]]:
    """Give what transformers itself generates, greedily."""

    def generated(model: Any, prompt: Any, count: int) -> list[int]:
        ids = torch.tensor([list(prompt)])
        found = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=count,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=2,
        )
        return found[0, len(prompt) :].tolist()

    return generated
