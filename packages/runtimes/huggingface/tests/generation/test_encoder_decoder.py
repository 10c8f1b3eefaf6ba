"""Sequence to sequence: the engine's answers are those of transformers."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers

from inferry.errors import InvalidInput
from inferry_runtime_huggingface.generation._encoder_decoder import EncoderDecoder

if TYPE_CHECKING:
    from collections.abc import Callable

PROMPTS = [
    tuple(random.Random(size).choices(range(3, 1000), k=size)) for size in (2, 9, 30, 5)
]


def t5() -> Any:
    settings = transformers.T5Config(
        vocab_size=1024,
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        decoder_start_token_id=2,
        pad_token_id=2,
        eos_token_id=1,
        initializer_factor=3.0,
        tie_word_embeddings=False,
    )
    return transformers.T5ForConditionalGeneration(settings)


def bart() -> Any:
    settings = transformers.BartConfig(
        vocab_size=1024,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=128,
        decoder_start_token_id=1,
        bos_token_id=0,
        forced_bos_token_id=0,
        pad_token_id=2,
        eos_token_id=1,
        init_std=0.5,
    )
    return transformers.BartForConditionalGeneration(settings)


@pytest.mark.parametrize("make", [t5, bart])
async def test_greedy_answers_are_those_of_transformers_in_any_company(
    make: Callable[[], Any], engine: Any, answer: Any
) -> None:
    """Groups begin at other times and lose rows on their way."""
    torch.manual_seed(3)
    model = make().eval()
    model.generation_config.forced_eos_token_id = None
    counts = [12, 25, 7, 18]
    start = 2 if model.generation_config.forced_bos_token_id is not None else 1
    expected = []
    for prompt, count in zip(PROMPTS, counts, strict=True):
        ids = torch.tensor([list(prompt)])
        found = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=count + start - 1,
            do_sample=False,
            num_beams=1,
            eos_token_id=None,
        )
        expected.append(found[0, start:].tolist())
    decoder = EncoderDecoder(model)
    decoder.check()
    made = engine(decoder=decoder, columns=20)

    found = await asyncio.gather(
        *(
            answer(made, prompt, max_tokens=count)
            for prompt, count in zip(PROMPTS, counts, strict=True)
        )
    )

    assert expected == [each.tokens for each in found]
    assert decoder.bytes_per_token > 1
    assert (decoder.rows, decoder.width) == (0, 0)


async def test_the_prompt_is_another_text(engine: Any, answer: Any) -> None:
    """It has no log probabilities, and its words are not repetition."""
    made = engine(decoder=EncoderDecoder(t5().eval()))
    plain = await answer(made, PROMPTS[1], max_tokens=1)
    again = await answer(
        made, (*PROMPTS[1], *plain.tokens), max_tokens=1, repetition_penalty=5.0
    )

    assert again.reason == "length"
    with pytest.raises(InvalidInput, match="no log probabilities of the prompt"):
        await answer(made, PROMPTS[1], prompt_logprobs=True)


def test_a_model_that_does_not_say_how_answers_begin_is_refused() -> None:
    """Nothing would be right."""
    model = t5()
    for each in (model.config, model.generation_config):
        each.decoder_start_token_id = None
    model.generation_config.bos_token_id = None

    with pytest.raises(ValueError, match="decoder_start_token_id"):
        EncoderDecoder(model)
