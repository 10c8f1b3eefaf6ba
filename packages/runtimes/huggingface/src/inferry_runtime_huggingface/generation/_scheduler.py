"""The thread on which a model generates for all who wait.

Sequences join and leave between steps: a step reads some columns of new prompts, then
gives every running sequence one more token. All of it happens on one thread, so the
event loop only ever waits.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec
import torch

from inferry.errors import InferenceError, ModelNotReady, Overloaded, one_line
from inferry.generation import Generation
from inferry_runtime_huggingface.generation._chances import chances, prompt_chances
from inferry_runtime_huggingface.generation._prefill import Prefill
from inferry_runtime_huggingface.generation._sampler import draw
from inferry_runtime_huggingface.generation._slots import moves
from inferry_runtime_huggingface.generation._stream import Outbox, joined
from inferry_runtime_huggingface.generation._times import Times

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inferry_runtime_huggingface.generation._prefill import Steps
    from inferry_runtime_huggingface.generation._sequence import Sequence
    from inferry_runtime_huggingface.generation._vocabulary import Vocabulary
    from inferry_runtime_huggingface.generation.engine import Piece, TokenChance

logger = logging.getLogger(__name__)

# Steps that fail one after another until the model is given up.
_PATIENCE = 3
_CLOSING = 10.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much the engine takes on.

    ``length`` is the most tokens of a prompt with its answer, ``sequences`` how many
    run at one time, ``waiting`` how many may wait, ``cached`` how many tokens' keys and
    values are kept at one time, and ``columns`` how many tokens of new prompts one step
    reads.
    """

    length: int
    sequences: int = 32
    waiting: int = 256
    cached: int = 1 << 20
    columns: int = 512


class Scheduler:
    """Gives the sequences that are submitted their tokens, as *limits* allow.

    ``why_unhealthy`` says why it cannot go on; it is empty while it can.
    """

    def __init__(self, decoder: Steps, limits: Limits, vocabulary: Vocabulary) -> None:
        self.why_unhealthy = ""
        self._decoder = decoder
        self._limits = limits
        self._vocabulary = vocabulary
        self._waiting: deque[Sequence] = deque()
        self._reading: tuple[Prefill, list[Sequence]] | None = None
        self._running: list[Sequence] = []
        self._whole: dict[Sequence, list[Piece]] = {}
        self._outbox = Outbox()
        self._failures = 0
        self._closed = False
        self._totals = {"prompt_tokens": 0, "generated_tokens": 0}
        self._times = Times()
        self._changed = threading.Condition()
        self._thread = threading.Thread(
            target=self._work, name="generation", daemon=True
        )
        self._thread.start()

    def submit(self, sequence: Sequence) -> None:
        """Let *sequence* wait for its turn.

        Raises:
            Overloaded: As many wait as may.
            ModelNotReady: Nothing is generated any more.

        """
        with self._changed:
            self.check()
            self._waiting.append(sequence)
            self._changed.notify()

    def check(self) -> None:
        """Refuse what `submit` would refuse."""
        if self._closed or self.why_unhealthy:
            raise ModelNotReady(self.why_unhealthy or "the model is being unloaded")
        if len(self._waiting) >= self._limits.waiting:
            raise Overloaded(
                f"{len(self._waiting)} requests wait for the model already"
            )

    def statistics(self) -> Mapping[str, Any]:
        """Return what runs, waits and was generated, for metrics."""
        return {
            "running": len(self._running),
            "waiting": len(self._waiting),
            **self._totals,
            "cached_tokens": self._decoder.rows * self._decoder.width,
            "cached_tokens_limit": self._limits.cached,
        }

    def generation(self) -> Generation:
        """Return the same with the times of tokens."""
        return Generation(
            first_token=self._times.first, token=self._times.token, **self.statistics()
        )

    def close(self) -> None:
        """Stop; what still generates fails with `ModelNotReady`."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(_CLOSING)

    # What follows runs on the engine's thread.

    def _work(self) -> None:
        try:
            with torch.inference_mode():
                while self._await_work():
                    self._step()
                    self._outbox.send()
            self._fail_all(ModelNotReady("the model is being unloaded"))
        except Exception as error:
            logger.exception("generation stopped")
            self.why_unhealthy = f"generation stopped: {one_line(error)}"
            self._fail_all(ModelNotReady(self.why_unhealthy))
        self._outbox.send()

    def _await_work(self) -> bool:
        with self._changed:
            while not (self._waiting or self._reading or self._running or self._closed):
                self._changed.wait()
        return not self._closed

    def _step(self) -> None:
        self._drop_cancelled()
        self._admit()
        try:
            if self._reading is not None:
                self._read()
            if self._running:
                self._decode()
        except Exception as error:
            self._failures += 1
            if self._failures >= _PATIENCE:
                raise
            logger.exception("a step of generation failed")
            # Whatever the step has left half done, nothing of it is used again.
            self._give_up(error)
            return
        self._failures = 0

    def _drop_cancelled(self) -> None:
        leaving = [
            row for row, sequence in enumerate(self._running) if sequence.cancelled
        ]
        if leaving:
            self._leave(leaving)
        if any(sequence.cancelled for sequence in self._waiting):
            with self._changed:
                self._waiting = deque(
                    each for each in self._waiting if not each.cancelled
                )
        if self._reading and all(each.cancelled for each in self._reading[1]):
            self._reading = None

    def _admit(self) -> None:
        """Begin to read the prompts that come next and fit, the first in any case."""
        if self._reading is not None:
            return
        picked: list[Sequence] = []
        width = 0
        while self._waiting and self._fits([*picked, self._waiting[0]]):
            sequence = self._waiting[0]
            wider = max(width, len(sequence.prompt))
            alone = sequence.sampling.prompt_logprobs
            columns = (len(picked) + 1) * wider
            if picked and (alone or columns > self._limits.columns):
                break
            picked.append(self._waiting.popleft())
            width = wider
            if alone:
                break
        if picked:
            prefill = Prefill(
                [sequence.prompt for sequence in picked],
                keep_all=picked[0].sampling.prompt_logprobs,
            )
            self._reading = prefill, picked

    def _fits(self, newcomers: list[Sequence]) -> bool:
        """Say whether *newcomers* find room to the end, whatever the others need."""
        everyone = [*self._running, *newcomers]
        if len(everyone) > self._limits.sequences:
            return False
        widest = max(sequence.reserved for sequence in everyone)
        return widest * len(everyone) <= self._limits.cached

    def _read(self) -> None:
        assert self._reading is not None  # noqa: S101 - looked at before
        prefill, sequences = self._reading
        columns = max(self._limits.columns // len(sequences), 1)
        try:
            logits = self._decoder.read(prefill, columns)
        except Exception as error:
            logger.exception("a prompt could not be read")
            self._reading = None
            for sequence in sequences:
                self._fail(sequence, _inference_error(error))
            return
        if logits is None:
            return
        self._totals["prompt_tokens"] += sum(prefill.lengths)
        if prefill.keep_all:
            only = sequences[0]
            only.prompt_chances = prompt_chances(
                prefill.kept, only.prompt, only.sampling.logprobs or 0, self._vocabulary
            )
        ended = self._advance(sequences, logits)
        joining = [row for row in range(len(sequences)) if row not in ended]
        if joining:
            self._decoder.join(prefill, joining)
            self._running += [sequences[row] for row in joining]
        self._reading = None

    def _decode(self) -> None:
        logits = self._decoder.step([sequence.last for sequence in self._running])
        if ended := self._advance(self._running, logits):
            self._leave(ended)

    def _leave(self, rows: Iterable[int]) -> None:
        leaving = set(rows)
        for row in leaving:
            self._whole.pop(self._running[row], None)
        for source, target in moves(len(self._running), leaving):
            self._running[target] = self._running[source]
        del self._running[len(self._running) - len(leaving) :]
        self._decoder.leave(leaving)

    def _advance(self, sequences: list[Sequence], logits: torch.Tensor) -> set[int]:
        """Draw a token for each of *sequences*; return the rows that have ended."""
        drawn = draw(logits, [sequence.drawing for sequence in sequences])
        found = self._chances(sequences, logits, drawn.tokens)
        ended: set[int] = set()
        for row, sequence in enumerate(sequences):
            if row in drawn.broken or sequence.drawing.failure:
                why = sequence.drawing.failure or "the model gave no numbers (NaN)"
                self._fail(sequence, InferenceError(why))
                ended.add(row)
                continue
            try:
                piece = sequence.accept(drawn.tokens[row], found.get(row))
            except InferenceError as error:
                self._fail(sequence, error)
                ended.add(row)
                continue
            self._times.count(sequence, ended=piece.finish_reason is not None)
            self._give(sequence, piece)
            if piece.finish_reason is not None:
                ended.add(row)
        self._totals["generated_tokens"] += len(sequences) - len(drawn.broken)
        return ended

    def _chances(
        self, sequences: list[Sequence], logits: torch.Tensor, tokens: list[int]
    ) -> dict[int, TokenChance]:
        rows = [
            row
            for row, sequence in enumerate(sequences)
            if sequence.sampling.logprobs is not None
        ]
        if not rows:
            return {}
        found = chances(
            logits[rows],
            [tokens[row] for row in rows],
            [sequences[row].sampling.logprobs or 0 for row in rows],
            self._vocabulary,
        )
        return dict(zip(rows, found, strict=True))

    def _give(self, sequence: Sequence, piece: Piece) -> None:
        if not sequence.sampling.whole:
            self._outbox.add(sequence.stream, piece)
            return
        pieces = self._whole.setdefault(sequence, [])
        pieces.append(piece)
        if piece.finish_reason is not None:
            self._outbox.add(sequence.stream, joined(self._whole.pop(sequence)))

    def _fail(self, sequence: Sequence, error: Exception) -> None:
        self._whole.pop(sequence, None)
        self._outbox.add(sequence.stream, error)

    def _give_up(self, error: Exception) -> None:
        """Fail all that have begun, and begin anew."""
        for sequence in self._begun():
            self._fail(sequence, _inference_error(error))
        self._running.clear()
        self._reading = None
        self._decoder.clear()

    def _fail_all(self, error: Exception) -> None:
        with self._changed:
            everyone = [*self._begun(), *self._waiting]
            self._waiting.clear()
        for sequence in everyone:
            self._fail(sequence, error)

    def _begun(self) -> list[Sequence]:
        return [*self._running, *(self._reading[1] if self._reading else ())]


def _inference_error(error: Exception) -> InferenceError:
    return InferenceError(f"generation failed: {one_line(error)}")
