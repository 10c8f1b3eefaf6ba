"""Log probabilities in the two shapes of OpenAI's API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_runtime_huggingface.generation.engine import TokenChance

__all__ = ["chat_chances", "completion_chances", "token_text"]

#: JSON knows no infinity; vLLM's word for impossible.
_LEAST = -9999.0


def token_text(chance: TokenChance, *, as_id: bool) -> str:
    """Return the text of a token, or its id as vLLM writes it."""
    if as_id:
        return f"token_id:{chance.token_id}"
    return chance.data.decode("utf-8", "replace")


def chat_chances(
    chances: Sequence[TokenChance], top: int, *, as_id: bool
) -> dict[str, Any]:
    """Return *chances* as chats have them, each with so many alternatives at *top*."""
    return {
        "content": [
            {
                **_one(chance, as_id=as_id),
                "top_logprobs": [_one(each, as_id=as_id) for each in chance.top[:top]],
            }
            for chance in chances
        ],
        "refusal": None,
    }


def _one(chance: TokenChance, *, as_id: bool) -> dict[str, Any]:
    return {
        "token": token_text(chance, as_id=as_id),
        "logprob": max(chance.logprob, _LEAST),
        "bytes": list(chance.data),
    }


def completion_chances(
    chances: Sequence[TokenChance],
    top: int,
    *,
    as_id: bool,
    offset: int = 0,
    from_start: bool = False,
) -> dict[str, Any]:
    """Return *chances* as completions have them; the text begins at *offset*.

    *from_start* says that the first token has none before it, so no log probability.
    """
    tokens, offsets = [], []
    for chance in chances:
        text = token_text(chance, as_id=as_id)
        tokens.append(text)
        offsets.append(offset)
        offset += len(text)
    logprobs: list[float | None] = [max(each.logprob, _LEAST) for each in chances]
    tops: list[dict[str, float] | None] = [
        _tops(chance, top, as_id=as_id) for chance in chances
    ]
    if from_start and chances:
        logprobs[0] = tops[0] = None
    return {
        "tokens": tokens,
        "token_logprobs": logprobs,
        "top_logprobs": tops,
        "text_offset": offsets,
    }


def _tops(chance: TokenChance, top: int, *, as_id: bool) -> dict[str, float]:
    """Return the likeliest by text; the token itself is always among them."""
    found = {
        token_text(each, as_id=as_id): max(each.logprob, _LEAST)
        for each in chance.top[:top]
    }
    found.setdefault(token_text(chance, as_id=as_id), max(chance.logprob, _LEAST))
    return found
