"""Models with OpenAI's operations, by target ``talking_models:Class``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from served_models import Echo

from inferry.errors import InvalidInput, Overloaded
from inferry.generation import Generation
from inferry.openai import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping


class Talker(Echo):
    """Gives its words back, as a whole or as a stream."""

    closed = asyncio.Event()

    def load(self, path: str, options: dict[str, Any]) -> None:
        super().load(path, options)
        self.openai = {"chat/completions": self.chat, "embeddings": self.embed}
        self.generation = Generation(
            running=1,
            waiting=2,
            prompt_tokens=30,
            generated_tokens=40,
            cached_tokens=70,
            cached_tokens_limit=512,
        )
        self.generation.first_token.add(0.2)
        self.generation.token.add(0.02)

    def warm_up(self) -> None:
        return None

    async def chat(self, body: Mapping[str, Any]) -> Any:
        words = body.get("words", ["a", "b"])
        if body.get("busy"):
            raise Overloaded("too many wait", retry_after=3)
        if body.get("bad"):
            raise InvalidParameter("'bad' is no good", param="bad", code="so_bad")
        if body.get("stream"):
            return self._stream(words, body)
        await asyncio.sleep(body.get("pause", 0))
        return {"object": "chat.completion", "words": words}

    async def _stream(
        self, words: list[str], body: Mapping[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        try:
            for word in words:
                if word == "error":
                    raise InvalidInput("that is no word")
                if word == "bug":
                    raise ZeroDivisionError
                yield {"word": word}
                await asyncio.sleep(body.get("pause", 0))
        finally:
            self.closed.set()

    async def embed(self, body: Mapping[str, Any]) -> Any:
        return {"object": "list", "data": [{"n": n} for n in range(body["count"])]}
