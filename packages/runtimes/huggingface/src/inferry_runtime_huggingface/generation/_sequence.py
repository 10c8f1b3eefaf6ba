"""One answer while it is generated: its tokens, its text and what ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_runtime_huggingface.generation._text import Stops, decoding
from inferry_runtime_huggingface.generation.engine import Piece

if TYPE_CHECKING:
    from inferry_runtime_huggingface.generation._grammar import Matcher
    from inferry_runtime_huggingface.generation._sampler import Drawing
    from inferry_runtime_huggingface.generation._stream import Stream
    from inferry_runtime_huggingface.generation._vocabulary import Vocabulary
    from inferry_runtime_huggingface.generation.engine import (
        FinishReason,
        Sampling,
        TokenChance,
    )


class Sequence:
    """What the engine's thread keeps of one request."""

    def __init__(
        self,
        prompt: tuple[int, ...],
        drawing: Drawing,
        stream: Stream,
        vocabulary: Vocabulary,
        *,
        ends: frozenset[int],
        longest: int,
        arrived: float,
    ) -> None:
        self.prompt = prompt
        self.drawing = drawing
        self.sampling: Sampling = drawing.sampling
        self.stream = stream
        self.last = 0
        #: When it came and when its first token did, by `time.monotonic`.
        self.arrived = arrived
        self.begun = arrived
        #: Set by whoever waits for the answer once it is of no use any more.
        self.cancelled = False
        self.prompt_chances: tuple[TokenChance, ...] = ()
        self._ends = ends
        self._limit = min(self.sampling.max_tokens, longest - len(prompt))
        self._matcher: Matcher | None = drawing.matcher
        self._text = decoding(
            vocabulary, prompt, skip_special=self.sampling.skip_special_tokens
        )
        self._stops = Stops(self.sampling.stop)

    @property
    def reserved(self) -> int:
        """How many tokens prompt and answer may have together."""
        return len(self.prompt) + self._limit

    def accept(self, token: int, chance: TokenChance | None) -> Piece:
        """Take the next *token*; return what may be sent of it.

        Raises:
            InferenceError: The grammar failed.

        """
        self.last = token
        self.drawing.count(token)
        text, reason = self._read(token)
        if reason is None and self.drawing.drawn >= self._limit:
            reason = "length"
        if reason is not None:
            text += self._stops.rest()
        prompt, self.prompt_chances = self.prompt_chances, ()
        return Piece(
            text=text,
            token_ids=(token,),
            chances=() if chance is None else (chance,),
            prompt=prompt,
            finish_reason=reason,
        )

    def _read(self, token: int) -> tuple[str, FinishReason | None]:
        """Return the text that *token* completes, and whether it is the end."""
        if token in self._ends:
            return "", "stop"
        complete = self._matcher is not None and self._matcher.accept(token)
        text = self._text.add(token)
        if self.drawing.drawn < self.sampling.min_tokens:
            # A stop string counts only from the last of these tokens on.
            return self._stops.rest() + text, "stop" if complete else None
        text, stopped = self._stops.add(text)
        return text, "stop" if stopped or complete else None
