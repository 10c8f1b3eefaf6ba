"""Log probabilities of tokens, from the logits as the model gave them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_runtime_huggingface.generation.engine import TokenChance

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from inferry_runtime_huggingface.generation._vocabulary import Vocabulary


def chances(
    logits: torch.Tensor,
    tokens: Sequence[int],
    counts: Sequence[int],
    vocabulary: Vocabulary,
) -> list[TokenChance]:
    """Return each row's token with its chance and *counts* likeliest alternatives.

    Natural logarithms of the softmax of the raw *logits*, before temperature, penalties
    or a grammar, as vLLM gives them.
    """
    logs = logits.float().log_softmax(dim=-1)
    values, places = logs.topk(min(max(counts, default=0), logs.shape[-1]), dim=-1)
    own = logs[range(len(tokens)), list(tokens)].tolist()
    rows = zip(tokens, own, values.tolist(), places.tolist(), counts, strict=True)
    return [
        TokenChance(
            token_id=token,
            data=vocabulary.data(token),
            logprob=chance,
            top=tuple(
                TokenChance(token_id=each, data=vocabulary.data(each), logprob=log)
                for each, log in zip(best[:count], best_logs[:count], strict=True)
            ),
        )
        for token, chance, best_logs, best, count in rows
    ]


def prompt_chances(
    kept: Sequence[torch.Tensor],
    prompt: Sequence[int],
    count: int,
    vocabulary: Vocabulary,
) -> tuple[TokenChance, ...]:
    """Return the chances of a prompt; *kept* are the logits after all but the last."""
    first = TokenChance(token_id=prompt[0], data=vocabulary.data(prompt[0]), logprob=0)
    found = [first]
    begin = 1
    for logits in kept:
        tokens = prompt[begin : begin + len(logits)]
        if tokens:
            found += chances(logits, tokens, [count] * len(tokens), vocabulary)
        begin += len(logits)
    return tuple(found)
