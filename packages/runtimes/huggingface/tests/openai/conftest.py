"""A language model whose answers are written down before."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from inferry_runtime_huggingface.generation.engine import Piece, TokenChance
from inferry_runtime_huggingface.openai.operations import text_operations

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from inferry_runtime_huggingface.generation.engine import Sampling

TEMPLATE = (
    "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)


class Script:
    """An engine that answers each prompt with the next text of its script.

    A token is a letter; each piece holds three of them.
    """

    max_length = 4000

    def __init__(self, *texts: str | Exception) -> None:
        self.texts = list(texts)
        self.prompts: list[str] = []
        self.samplings: list[Sampling] = []
        self.running = 0

    async def generate(
        self, prompt: tuple[int, ...], sampling: Sampling
    ) -> AsyncGenerator[Piece, None]:
        self.prompts.append(tokenizer().decode(prompt))
        self.samplings.append(sampling)
        text = self.texts.pop(0) if self.texts else "well"
        if isinstance(text, Exception):
            raise text
        self.running += 1
        try:
            before = _chances(self.prompts[-1]) if sampling.prompt_logprobs else ()
            written = text[: sampling.max_tokens]
            step = len(written) if sampling.whole else 3
            for start in range(0, len(written), step or 1):
                await asyncio.sleep(0)
                part = written[start : start + step]
                yield Piece(
                    text=part,
                    token_ids=tuple(map(ord, part)),
                    chances=_chances(part) if sampling.logprobs is not None else (),
                    prompt=before,
                )
                before = ()
            ended = "stop" if len(written) == len(text) else "length"
            yield Piece(prompt=before, finish_reason=ended)
        finally:
            self.running -= 1

    def statistics(self) -> Mapping[str, Any]:
        return {}

    def close(self) -> None:
        pass


def _chances(text: str) -> tuple[TokenChance, ...]:
    other = TokenChance(token_id=33, data=b"!", logprob=float("-inf"))
    return tuple(
        TokenChance(
            token_id=ord(letter),
            data=letter.encode(),
            logprob=-ord(letter) / 100,
            top=(
                TokenChance(
                    token_id=ord(letter),
                    data=letter.encode(),
                    logprob=-ord(letter) / 100,
                ),
                other,
            ),
        )
        for letter in text
    )


def tokenizer(template: str | None = TEMPLATE) -> Any:
    """Return one whose tokens are letters, by their numbers."""
    letters = {chr(number): number for number in range(256)}
    made = Tokenizer(models.BPE(letters, [], unk_token="?"))
    made.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    made.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=made, chat_template=template)


class Asking:
    """Asks a model for chats and completions."""

    def __init__(self, engine: Script, template: str | None, **options: Any) -> None:
        self.engine = engine
        self.operations = text_operations(
            engine,
            tokenizer(template),
            defaults=options.pop("defaults", {}),
            options=options,
        )

    async def chat(self, content: str = "hi", **body: Any) -> Any:
        """Return the answer to a chat."""
        body.setdefault("messages", [{"role": "user", "content": content}])
        return await self._ask("chat/completions", body)

    async def complete(self, prompt: Any = "hi", **body: Any) -> Any:
        """Return the completion of *prompt*."""
        return await self._ask("completions", {"prompt": prompt, **body})

    async def _ask(self, operation: Any, body: dict[str, Any]) -> Any:
        answer: Any = await self.operations[operation]({"model": "m", **body})
        if not body.get("stream"):
            json.dumps(answer)
            return answer
        async with aclosing(answer):
            return [chunk async for chunk in answer]


@pytest.fixture
def scripted() -> Callable[..., Asking]:
    """Give what makes a model of the texts that it will answer."""

    def make(*texts: str, template: str | None = TEMPLATE, **options: Any) -> Asking:
        return Asking(Script(*texts), template, **options)

    return make
