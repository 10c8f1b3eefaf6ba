"""Make a tiny Llama: a tokenizer trained on Python's own library, random weights."""

import os
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

HERE = Path(__file__).resolve().parent
SPECIAL = ["<|bos|>", "<|eos|>", "<|pad|>"]
SOURCES = ("argparse.py", "ast.py", "inspect.py", "typing.py", "tarfile.py")


def tokenizer() -> PreTrainedTokenizerFast:
    """Return byte-level BPE, so that no text is unknown."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=2048,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    library = Path(os.__file__).parent
    made.train([str(library / name) for name in SOURCES], trainer)
    bos, eos, pad = SPECIAL
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token=bos, eos_token=eos, pad_token=pad
    )


def main() -> None:
    """Write the model folder to ``tiny-llama`` beside this file."""
    words = tokenizer()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        initializer_range=0.2,
    )
    LlamaForCausalLM(config).save_pretrained(HERE / "tiny-llama")
    words.save_pretrained(HERE / "tiny-llama")


if __name__ == "__main__":
    main()
