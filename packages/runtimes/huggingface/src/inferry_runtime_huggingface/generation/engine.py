"""What generates tokens, as the routes in front of it see it.

An engine takes token ids and gives text piece by piece. It joins requests as it sees
fit; nothing of a model, a tokenizer or a device shows through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

__all__ = [
    "Engine",
    "FinishReason",
    "Grammar",
    "Piece",
    "Sampling",
    "TokenChance",
]

FinishReason = Literal["stop", "length"]


class Grammar(msgspec.Struct, frozen=True, kw_only=True):
    """What the text must be: of one ``kind``, in the notation of that kind.

    ``text`` is a JSON schema (``json_schema``; ``{}`` is any JSON), a regular
    expression, or a Lark grammar. ``param`` is the field of a request that holds it,
    which an error names.
    """

    kind: Literal["json_schema", "regex", "lark"]
    text: str
    param: str = ""


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How one answer is drawn; checked by whoever makes it.

    ``temperature`` 0 takes the likeliest token. ``top_k`` 0, ``top_p`` 1 and ``min_p``
    0 cut nothing off. ``stop`` are strings that end the text and are no part of it,
    sought in the decoded text. ``logprobs`` is how many likeliest alternatives come
    with each token: None asks for no log probabilities, 0 for those of the tokens
    themselves. ``logit_bias`` is added by token id. Without ``seed`` each answer is
    another. ``whole`` says that nobody reads along: all comes in one piece at the end,
    which costs less.
    """

    max_tokens: int
    min_tokens: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    logit_bias: Mapping[int, float] = {}
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    ignore_eos: bool = False
    skip_special_tokens: bool = True
    logprobs: int | None = None
    prompt_logprobs: bool = False
    grammar: Grammar | None = None
    whole: bool = False


class TokenChance(msgspec.Struct, frozen=True, kw_only=True):
    """A token with its natural log probability; ``data`` is the bytes it stands for."""

    token_id: int
    data: bytes
    logprob: float
    top: tuple[TokenChance, ...] = ()


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """What came next: whole characters, the tokens they came from, perhaps the end.

    ``text`` may be empty while characters or a stop string are not complete yet, and
    ``token_ids`` while held-back text is released. The last piece of an answer, and it
    alone, has a ``finish_reason``. ``prompt`` comes with the first piece where
    `Sampling.prompt_logprobs` asks for it; its first token has no log probability (0).
    """

    text: str = ""
    token_ids: tuple[int, ...] = ()
    chances: tuple[TokenChance, ...] = ()
    prompt: tuple[TokenChance, ...] = ()
    finish_reason: FinishReason | None = None
    cached_tokens: int = 0


class Engine(Protocol):
    """Generates for many at once, on threads of its own; called on the event loop."""

    @property
    def max_length(self) -> int:
        """How many tokens a prompt and its answer may have together."""

    def generate(
        self, prompt: tuple[int, ...], sampling: Sampling
    ) -> AsyncGenerator[Piece, None]:
        """Yield the answer to *prompt*, of at least one token; closing it cancels.

        Raises:
            InvalidInput: The prompt is too long, or the grammar is none.
            Overloaded: Too many wait already.

        """

    def statistics(self) -> Mapping[str, Any]:
        """Return what runs, waits and was generated, for metrics."""

    def close(self) -> None:
        """Stop; what still generates fails with `ModelNotReady`."""
