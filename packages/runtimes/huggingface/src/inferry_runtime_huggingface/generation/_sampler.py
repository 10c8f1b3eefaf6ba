"""Draw the next token of each row from the logits of all."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import msgspec
import torch

from inferry.errors import InferenceError
from inferry_runtime_huggingface.generation._grammar import unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry_runtime_huggingface.generation._grammar import Matcher
    from inferry_runtime_huggingface.generation.engine import Sampling

# Where only top_p cuts, this many likeliest tokens mostly hold that probability, and
# finding them is much quicker than sorting a whole vocabulary.
_FIRST_TRY = 256
_COLDEST = 1e-5


class Drawing:
    """What one row's draws depend on besides its logits."""

    def __init__(
        self,
        sampling: Sampling,
        prompt: Sequence[int],
        ends: frozenset[int],
        matcher: Matcher | None = None,
    ) -> None:
        self.sampling = sampling
        self.matcher = matcher
        self.random = random.Random(sampling.seed)  # noqa: S311 - no secret is drawn
        self.greedy = sampling.temperature < _COLDEST
        self.cuts = sampling.top_k > 0 or sampling.top_p < 1
        self.drawn = 0
        #: Why no token can be drawn any more; empty while one can.
        self.failure = ""
        self._prompt = prompt
        self._counts: dict[int, int] = {}
        self._counted = bool(
            sampling.presence_penalty
            or sampling.frequency_penalty
            or sampling.repetition_penalty != 1
        )
        self._bias = _indexed(sampling.logit_bias) if sampling.logit_bias else None
        # What ends an answer may not come before it has min_tokens.
        self._early = sorted(ends) if sampling.min_tokens else []
        #: Whether the logits must be changed before a token is drawn.
        self.shaped = bool(self._counted or self._bias or self._early or matcher)

    def count(self, token: int) -> None:
        """Count a token that was drawn."""
        self.drawn += 1
        if self._counted:
            self._counts[token] = self._counts.get(token, 0) + 1

    def allowed(self) -> torch.Tensor | None:
        """Return what the grammar allows, see `Matcher.allowed`; None without one."""
        if self.matcher is None or self.failure:
            return None
        try:
            return self.matcher.allowed()
        except InferenceError as error:
            self.failure = error.message
            return None

    def shape(self, logits: torch.Tensor) -> None:
        """Apply penalties, bias and the least length to one row, in place.

        As vLLM: repetition over prompt and answer, the other penalties over the answer.
        """
        sampling = self.sampling
        if self._counted:
            self._penalise(logits, sampling)
        if self._bias is not None:
            where, added = self._bias
            logits[where] += added.to(logits.device)
        if self._early and self.drawn < sampling.min_tokens:
            logits[self._early] = -math.inf

    def _penalise(self, logits: torch.Tensor, sampling: Sampling) -> None:
        if sampling.repetition_penalty != 1:
            tokens = sorted({*self._prompt, *self._counts})
            seen = torch.tensor(tokens, dtype=torch.long)
            found = logits[seen]
            by = sampling.repetition_penalty
            logits[seen] = torch.where(found > 0, found / by, found * by)
        if self._counts:
            where = torch.tensor(list(self._counts))
            counts = torch.tensor(list(self._counts.values()), dtype=logits.dtype)
            taken = counts * sampling.frequency_penalty + sampling.presence_penalty
            logits[where] -= taken.to(logits.device)


class Drawn(msgspec.Struct, frozen=True):
    """A token for each row, and the rows whose logits were no numbers."""

    tokens: list[int]
    broken: frozenset[int] = frozenset()


def draw(logits: torch.Tensor, rows: Sequence[Drawing]) -> Drawn:
    """Return the next token of each of *rows*; *logits* ``[rows, vocabulary]`` is kept.

    A row's draw depends on nothing of the others, so that the same seed gives the same
    answer in any company, as far as sums of another order give the same logits.
    """
    shaped = [place for place, row in enumerate(rows) if row.shaped]
    if shaped:
        logits = logits.clone()
        for place in shaped:
            rows[place].shape(logits[place])
        _constrain(logits, rows)
    best, tokens = logits.max(dim=-1)
    found: list[int] = tokens.tolist()
    # The greatest of numbers of which one is none is none.
    usable = best.isfinite().tolist()
    broken = frozenset(place for place, fine in enumerate(usable) if not fine)
    chance = [
        place for place, row in enumerate(rows) if not row.greedy and usable[place]
    ]
    if chance:
        taken = _sampled(logits[chance], [rows[place] for place in chance])
        for place, token in zip(chance, taken, strict=True):
            found[place] = token
    return Drawn(found, broken)


def _constrain(logits: torch.Tensor, rows: Sequence[Drawing]) -> None:
    words = {
        place: found
        for place, row in enumerate(rows)
        if (found := row.allowed()) is not None
    }
    if not words:
        return
    bound = list(words)
    allowed = unpacked(list(words.values()), logits.shape[-1]).to(logits.device)
    masked = logits[bound].masked_fill(~allowed, -math.inf)
    # Where nothing is left but what min_tokens forbids, the grammar wins.
    stuck = (masked == -math.inf).all(dim=-1)
    if bool(stuck.any()):
        masked[stuck] = torch.where(allowed[stuck], 0.0, -math.inf)
    logits[bound] = masked


def _sampled(logits: torch.Tensor, rows: Sequence[Drawing]) -> list[int]:
    heat = logits.new_tensor([row.sampling.temperature for row in rows])
    logits = logits / heat[:, None]
    least = [row.sampling.min_p for row in rows]
    if any(least):
        floor = logits.new_tensor([math.log(p) if p else -math.inf for p in least])
        low = logits < logits.amax(dim=-1, keepdim=True) + floor[:, None]
        logits = logits.masked_fill(low, -math.inf)
    cut = [place for place, row in enumerate(rows) if row.cuts]
    if cut:
        logits[cut] = _cut(logits[cut], [rows[place].sampling for place in cut])
    sums = logits.softmax(dim=-1, dtype=torch.float32).cumsum(dim=-1)
    points = sums.new_tensor([row.random.random() for row in rows])
    points = points * sums[:, -1]
    places = torch.searchsorted(sums, points[:, None], right=True)[:, 0]
    # A point of exactly the whole would lie behind the last token.
    last = (sums < sums[:, -1:]).sum(dim=-1)
    found: list[int] = torch.minimum(places, last).tolist()
    return found


def _cut(logits: torch.Tensor, rows: Sequence[Sampling]) -> torch.Tensor:
    """Return *logits* without what top_k and top_p leave out."""
    size = logits.shape[-1]
    limits = [min(row.top_k or size, size) for row in rows]
    share = logits.new_tensor([row.top_p for row in rows])[:, None]
    for count in (min(max(_FIRST_TRY, *_within(limits, size)), size), size):
        values, places = logits.topk(count, dim=-1)
        chances = logits.softmax(dim=-1).gather(-1, places)
        rank = torch.arange(count, device=logits.device)[None]
        kept = rank < torch.tensor(limits, device=logits.device)[:, None]
        # top_p is a share of what top_k has left.
        chances = chances * kept
        if any(limit < size for limit in limits):
            whole = torch.where(
                torch.tensor(limits, device=logits.device)[:, None] < size,
                chances.sum(dim=-1, keepdim=True),
                1.0,
            )
            chances = chances / whole
        before = chances.cumsum(dim=-1) - chances
        kept &= (before < share) | (rank == 0)
        if count == size or not bool(kept[:, -1].any()):
            break
    values = values.masked_fill(~kept, -math.inf)
    return torch.full_like(logits, -math.inf).scatter(-1, places, values)


def _within(limits: Sequence[int], size: int) -> list[int]:
    # One more than the largest, so that its last is never a sign to look further.
    return [limit + 1 for limit in limits if limit < size] or [0]


def _indexed(bias: Mapping[int, float]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(list(bias)), torch.tensor(list(bias.values()))
