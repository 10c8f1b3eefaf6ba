"""A tiny Llama with random weights and a tokenizer trained on the spot.

It is made in a second, knows nothing and is quick, which is what tests of generation
need: nothing is downloaded and no answer is too likely.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

BOS, EOS, PAD = "<|bos|>", "<|eos|>", "<|pad|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|eos|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_SOURCES = ("argparse.py", "ast.py", "inspect.py", "typing.py", "tarfile.py")


def tokenizer(vocabulary: int = 2048) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer on the standard library's source."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BOS, EOS, PAD, "<|user|>", "<|assistant|>", "<|system|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    library = Path(torch.jit.__file__).parents[0], Path(__import__("os").__file__).parent
    files = [str(library[1] / name) for name in _SOURCES]
    trained.train([name for name in files if Path(name).exists()], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=trained,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        chat_template=CHAT_TEMPLATE,
    )


def model(seed: int = 0, vocabulary: int = 2048, **config: Any) -> LlamaForCausalLM:
    """Make the model of one million random weights."""
    torch.manual_seed(seed)
    made = LlamaForCausalLM(
        LlamaConfig(
            **{
                "vocab_size": vocabulary,
                "hidden_size": 128,
                "intermediate_size": 256,
                "num_hidden_layers": 4,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "max_position_embeddings": 1024,
                "bos_token_id": 0,
                "eos_token_id": 1,
                "pad_token_id": 2,
                "initializer_range": 0.2,
                "attn_implementation": "eager",
                **config,
            }
        )
    )
    return made.eval()


def save(folder: Path, *, seed: int = 0) -> Path:
    """Write model and tokenizer to *folder* as a Hugging Face model folder."""
    words = tokenizer()
    model(seed, len(words)).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder
