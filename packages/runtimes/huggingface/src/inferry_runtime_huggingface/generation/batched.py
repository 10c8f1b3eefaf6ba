"""An engine that generates for many at once with a model of transformers.

It checks what is asked and waits for the answer; the work is done by a `Scheduler` on
its own thread.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from inferry.errors import InvalidInput
from inferry_runtime_huggingface.generation._grammar import Grammars
from inferry_runtime_huggingface.generation._sampler import Drawing
from inferry_runtime_huggingface.generation._scheduler import Limits, Scheduler
from inferry_runtime_huggingface.generation._sequence import Sequence
from inferry_runtime_huggingface.generation._stream import Stream
from inferry_runtime_huggingface.generation._vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping

    from inferry.generation import Generation
    from inferry_runtime_huggingface.generation._prefill import Steps
    from inferry_runtime_huggingface.generation.engine import Piece, Sampling

__all__ = ["BatchedEngine", "Limits"]


class BatchedEngine:
    """Generates with the model of *decoder*, until one of *ends* is drawn."""

    def __init__(
        self,
        decoder: Steps,
        tokenizer: Any,  # noqa: ANN401 - a tokenizer of transformers
        limits: Limits,
        *,
        ends: Iterable[int],
    ) -> None:
        self.vocabulary = Vocabulary(tokenizer)
        #: How many token ids the model gives logits for.
        self.vocabulary_size = decoder.size
        self._limits = limits
        self._continues = decoder.continues
        self._ends = self._drawable(ends)
        self._grammars = Grammars(tokenizer, decoder.size, self._ends)
        self._scheduler = Scheduler(decoder, limits, self.vocabulary)

    @property
    def max_length(self) -> int:
        """How many tokens a prompt and its answer may have together."""
        return self._limits.length

    @property
    def why_unhealthy(self) -> str:
        """Why it cannot go on; empty while it can."""
        return self._scheduler.why_unhealthy

    def generate(
        self, prompt: tuple[int, ...], sampling: Sampling
    ) -> AsyncGenerator[Piece, None]:
        """Yield the answer to *prompt*, see `Engine.generate`."""
        self._check(prompt, sampling)
        return self._answer(prompt, sampling)

    def _check(self, prompt: tuple[int, ...], sampling: Sampling) -> None:
        longest, size = self.max_length, self.vocabulary_size
        if not prompt:
            raise InvalidInput("the prompt has no tokens")
        if len(prompt) >= longest:
            raise InvalidInput(
                f"the prompt has {len(prompt)} tokens; this model takes "
                f"{longest} with at least one of the answer"
            )
        if sampling.prompt_logprobs and not self._continues:
            raise InvalidInput(
                "this model has no log probabilities of the prompt: it reads and "
                "writes two texts"
            )
        if min(prompt) < 0 or max(prompt) >= size:
            raise InvalidInput(f"a token id of the prompt is not in 0 to {size - 1}")
        if any(not 0 <= each < size for each in sampling.logit_bias):
            raise InvalidInput(f"a token id of logit_bias is not in 0 to {size - 1}")

    async def _answer(
        self, prompt: tuple[int, ...], sampling: Sampling
    ) -> AsyncGenerator[Piece, None]:
        arrived = time.monotonic()
        self._scheduler.check()
        matcher = None
        if sampling.grammar is not None:
            matcher = await self._grammars.matcher(sampling.grammar)
        ends = self._drawable(sampling.stop_token_ids)
        if not sampling.ignore_eos:
            ends |= self._ends
        stream = Stream(asyncio.get_running_loop())
        context = prompt if self._continues else ()
        sequence = Sequence(
            prompt,
            Drawing(sampling, context, ends, matcher),
            stream,
            self.vocabulary,
            ends=ends,
            longest=self.max_length,
            arrived=arrived,
        )
        self._scheduler.submit(sequence)
        try:
            while True:
                piece = await stream.next()
                yield piece
                if piece.finish_reason is not None:
                    return
        finally:
            sequence.cancelled = True

    def _drawable(self, tokens: Iterable[int]) -> frozenset[int]:
        """Return those of *tokens* that there are logits for."""
        return frozenset(each for each in tokens if 0 <= each < self.vocabulary_size)

    def statistics(self) -> Mapping[str, Any]:
        """Return what runs, waits and was generated, for metrics."""
        return self._scheduler.statistics()

    def generation(self) -> Generation:
        """Return the same with the times of tokens, as the server shows it."""
        return self._scheduler.generation()

    def close(self) -> None:
        """Stop; what still generates fails with `ModelNotReady`."""
        self._scheduler.close()
        self._grammars.close()
