"""Several answers of an engine at a time: gathered whole, or merged piece by piece."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from inferry_runtime_huggingface.generation.engine import (
        Engine,
        FinishReason,
        Piece,
        Sampling,
        TokenChance,
    )
    from inferry_runtime_huggingface.openai.prompts import Prompt

__all__ = ["Gathered", "Head", "Usage", "gathered", "merged", "seeded"]

#: What is asked of an engine: a prompt and how its answer is drawn.
Asked = tuple["Prompt", "Sampling"]


class Gathered(msgspec.Struct, kw_only=True):
    """One whole answer."""

    text: str = ""
    token_ids: list[int] = []
    chances: list[TokenChance] = []
    prompt: tuple[TokenChance, ...] = ()
    finish_reason: FinishReason = "stop"
    cached_tokens: int = 0


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What every chunk of an answer begins with."""

    id: str
    object: str
    created: int
    model: str

    @classmethod
    def of(cls, prefix: str, kind: str, model: str) -> Head:
        """Return that of a new answer of the *kind*; ids begin with *prefix*."""
        made = f"{prefix}-{secrets.token_hex(16)}"
        return cls(id=made, object=kind, created=int(time.time()), model=model)

    def chunk(
        self, choices: list[dict[str, Any]], **more: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Return one chunk, or the whole, with *choices*."""
        return {
            "id": self.id,
            "object": self.object,
            "created": self.created,
            "model": self.model,
            "choices": choices,
            **more,
        }


class Usage:
    """How many tokens went in and came out."""

    def __init__(self, prompts: Sequence[Prompt]) -> None:
        self.prompt = sum(map(len, prompts))
        self.completion = 0
        self.cached = 0

    def add(self, tokens: int, cached: int) -> None:
        """Count so many tokens of an answer."""
        self.completion += tokens
        self.cached = max(self.cached, cached)

    def shown(self) -> dict[str, Any]:
        """Return the object that clients read."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }


def seeded(sampling: Sampling, count: int) -> list[Sampling]:
    """Return *sampling* so many times; of one seed each has one of its own."""
    if sampling.seed is None:
        return [sampling] * count
    return [
        msgspec.structs.replace(sampling, seed=sampling.seed + place)
        for place in range(count)
    ]


async def gathered(engine: Engine, asked: Sequence[Asked]) -> list[Gathered]:
    """Return the answers to all of *asked*; where one fails, all do."""
    if len(asked) == 1:
        return [await _gather(engine, *asked[0])]
    tasks = [asyncio.create_task(_gather(engine, *each)) for each in asked]
    try:
        return await asyncio.gather(*tasks)
    finally:
        await _stop(tasks)


async def _gather(engine: Engine, prompt: Prompt, sampling: Sampling) -> Gathered:
    whole = Gathered()
    asked = msgspec.structs.replace(sampling, whole=True)
    texts = []
    async with aclosing(engine.generate(prompt, asked)) as pieces:
        async for piece in pieces:
            texts.append(piece.text)
            whole.token_ids += piece.token_ids
            whole.chances += piece.chances
            whole.prompt = whole.prompt or piece.prompt
            whole.finish_reason = piece.finish_reason or whole.finish_reason
            whole.cached_tokens = max(whole.cached_tokens, piece.cached_tokens)
    whole.text = "".join(texts)
    return whole


async def merged(
    engine: Engine, asked: Sequence[Asked]
) -> AsyncGenerator[tuple[int, Piece], None]:
    """Yield the pieces of all answers as they come, each with its place in *asked*."""
    if len(asked) == 1:
        async with aclosing(engine.generate(*asked[0])) as pieces:
            async for piece in pieces:
                yield 0, piece
        return
    queue: asyncio.Queue[tuple[int, Piece | Exception | None]] = asyncio.Queue()
    tasks = [
        asyncio.create_task(_pour(engine, each, place, queue))
        for place, each in enumerate(asked)
    ]
    try:
        left = len(tasks)
        while left:
            index, got = await queue.get()
            if got is None:
                left -= 1
            elif isinstance(got, Exception):
                raise got
            else:
                yield index, got
    finally:
        await _stop(tasks)


async def _pour(
    engine: Engine,
    asked: Asked,
    place: int,
    queue: asyncio.Queue[tuple[int, Piece | Exception | None]],
) -> None:
    try:
        async with aclosing(engine.generate(*asked)) as pieces:
            async for piece in pieces:
                queue.put_nowait((place, piece))
    except Exception as error:  # noqa: BLE001 - raised where it is read
        queue.put_nowait((place, error))
    else:
        queue.put_nowait((place, None))


async def _stop(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # of the others nobody hears
