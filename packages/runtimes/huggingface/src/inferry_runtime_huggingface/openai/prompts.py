"""Prompts as token ids, within what the model can take."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from inferry.openai import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_runtime_huggingface.generation.engine import Engine

__all__ = ["Prompt", "Prompts", "parted"]

#: Longer texts are read in a thread: a megabyte takes a second.
_INLINE = 4096
_MOST = 256

Prompt = tuple[int, ...]


class Prompts:
    """Turns what clients send into prompts for *engine*."""

    def __init__(self, engine: Engine, tokenizer: Any) -> None:  # noqa: ANN401 - of transformers
        self._engine = engine
        self.tokenizer = tokenizer
        self.vocabulary = len(tokenizer)
        self._backend = getattr(tokenizer, "backend_tokenizer", None)
        if self._backend is not None:  # a saved limit would cut prompts in silence
            self._backend.no_truncation()
            self._backend.no_padding()
        self._lock = asyncio.Lock()

    async def encode(self, text: str, *, special: bool) -> Prompt:
        """Return the tokens of *text*, with those that begin a text if *special*."""
        if len(text) <= _INLINE:
            return self._encode(text, special=special)
        async with self._lock:  # one thread is enough, and a slow one is not shared
            return await asyncio.to_thread(self._encode, text, special=special)

    def _encode(self, text: str, *, special: bool) -> Prompt:
        if self._backend is not None:
            encoded = self._backend.encode(text, add_special_tokens=special)
            return tuple(encoded.ids)
        found = self.tokenizer.encode(text, add_special_tokens=special)
        return tuple(found)

    def decode(self, prompt: Prompt) -> str:
        """Return the text of *prompt*, special tokens included."""
        text: str = self.tokenizer.decode(
            list(prompt), clean_up_tokenization_spaces=False
        )
        return text

    async def read(self, given: str | list[Any], *, special: bool) -> list[Prompt]:
        """Return the prompts that *given* is: a text, token ids, or a list of these.

        Raises:
            InvalidParameter: It is something else.

        """
        parts = parted(given)
        if not parts or len(parts) > _MOST:
            raise InvalidParameter(
                f"'prompt' has {len(parts)} prompts, expected 1 to {_MOST}",
                param="prompt",
            )
        return [await self._one(each, special=special) for each in parts]

    async def _one(self, given: object, *, special: bool) -> Prompt:
        if isinstance(given, str):
            return await self.encode(given, special=special)
        if isinstance(given, list) and all(type(each) is int for each in given):
            return self._known(given)
        raise InvalidParameter(
            "'prompt' is no text, no list of token ids and no list of such",
            param="prompt",
        )

    def _known(self, ids: Sequence[int]) -> Prompt:
        for token in ids:
            if not 0 <= token < self.vocabulary:
                raise InvalidParameter(
                    f"'prompt' has the token id {token}, the model's are 0 to "
                    f"{self.vocabulary - 1}",
                    param="prompt",
                )
        return tuple(ids)

    def fitted(
        self, prompt: Prompt, max_tokens: int | None, *, keep: int | None, param: str
    ) -> tuple[Prompt, int]:
        """Return *prompt*, its last *keep* tokens, and how many may follow it.

        Raises:
            InvalidParameter: Both do not fit into the model, or there is no prompt.

        """
        limit = self._engine.max_length
        if keep is not None:
            prompt = self._cut(prompt, limit - 1 if keep == -1 else keep)
        if not prompt:
            raise InvalidParameter(f"{param!r} is empty", param=param)
        room = limit - len(prompt)
        wanted = max(room, 1) if max_tokens is None else max_tokens
        if wanted > room:
            raise InvalidParameter(
                f"this model's maximum context length is {limit} tokens, but "
                f"{len(prompt)} of the prompt and {wanted} of the answer were asked "
                "for",
                param=param,
                code="context_length_exceeded",
                remedy="shorten the prompt or lower max_tokens",
            )
        return prompt, wanted

    def _cut(self, prompt: Prompt, keep: int) -> Prompt:
        if keep < 1:
            raise InvalidParameter(
                f"'truncate_prompt_tokens' is {keep}, expected -1 or at least 1",
                param="truncate_prompt_tokens",
            )
        return prompt[-keep:]


def parted(given: str | list[Any]) -> list[Any]:
    """Return the texts and lists of token ids that *given* is, one or several."""
    if isinstance(given, str) or (given and all(type(each) is int for each in given)):
        return [given]
    return given
