"""A tiny Llama that has learned a few dialogues by heart, made in seconds.

What it says is known, so whole conversations can be checked, calls of tools among them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = (
    "{% if tools %}<|system|>{{ tools[0].function.name }}<|end|>{% endif %}"
    "{% for message in messages %}<|{{ message.role }}|>"
    "{% if message.tool_calls %}<tool_call>"
    '{"name": "{{ message.tool_calls[0].function.name }}", "arguments": '
    "{{ message.tool_calls[0].function.arguments | tojson }}}</tool_call>"
    "{% else %}{{ message.content }}{% endif %}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
HELLO = "Hello! Grüße 🙂🎈 to you."
CALL = '<tool_call>{"name": "add", "arguments": {"a": 2, "b": 3}}</tool_call>'
#: Digits without end would be an integer too.
_DIGIT = {"type": "integer", "minimum": 0, "maximum": 9}
TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": _DIGIT, "b": _DIGIT},
            "required": ["a", "b"],
            "additionalProperties": False,
        },
    },
}
ASK = [{"role": "user", "content": "2 and 3?"}]
ANSWERED = [
    *ASK,
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "add", "arguments": '{"a": 2, "b": 3}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "5"},
]
_ASKED = "<|system|>add<|end|><|user|>2 and 3?<|end|><|assistant|>"
_DIALOGUES = (
    f"<|user|>Hi<|end|><|assistant|>{HELLO}<|end|>",
    f"{_ASKED}{CALL}<|end|>",
    f"{_ASKED}{CALL}<|end|><|tool|>5<|end|><|assistant|>It is 5.<|end|>",
)
_STEPS = 120


def tokenizer() -> Any:
    """Return a byte-level tokenizer that has not learned to put bytes together."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=[
            "<|end|>",
            "<|user|>",
            "<|assistant|>",
            "<|system|>",
            "<|tool|>",
        ],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(["the " * 9, "and " * 9], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token="<|end|>",
        pad_token="<|end|>",
        chat_template=TEMPLATE,
    )


def save(folder: Path) -> Path:
    """Teach a model the dialogues and write it to *folder*."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    words = tokenizer()
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(words),
            hidden_size=96,
            intermediate_size=192,
            num_hidden_layers=2,
            num_attention_heads=3,  # of 32 each, as other engines want them
            max_position_embeddings=512,
            bos_token_id=None,
            eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id,
        )
    )
    given = words(list(_DIALOGUES), padding=True, return_tensors="pt")
    labels = given["input_ids"].masked_fill(given["attention_mask"] == 0, -100)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(_STEPS):
        optimiser.zero_grad()
        loss = model(
            input_ids=given["input_ids"],
            attention_mask=given["attention_mask"],
            labels=labels,
        ).loss
        loss.backward()
        optimiser.step()
    model.eval().save_pretrained(folder)
    words.save_pretrained(folder)
    return folder
