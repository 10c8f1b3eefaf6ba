"""Prompts that are being read, and what reads them and steps on for the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch
from transformers.cache_utils import DynamicCache

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


class Prefill:
    """Prompts that are read together, the longest in chunks of some columns."""

    def __init__(self, prompts: Sequence[Sequence[int]], *, keep_all: bool) -> None:
        self.lengths = [len(prompt) for prompt in prompts]
        self.width = max(self.lengths)
        self.keep_all = keep_all
        self.done = 0
        #: What whoever reads them keeps of them.
        self.cache: Any = DynamicCache()
        #: The logits of every token but the last, where ``keep_all`` asks for them.
        self.kept: list[torch.Tensor] = []
        padded = [[0] * (self.width - len(p)) + list(p) for p in prompts]
        self.ids = torch.tensor(padded)
        starts = torch.tensor([[self.width - length] for length in self.lengths])
        places = torch.arange(self.width)[None]
        self.mask = (places >= starts).long()
        self.positions = (places - starts).clamp(min=0)

    @property
    def padded(self) -> bool:
        """Whether prompts of different lengths are read together."""
        return min(self.lengths) < self.width


class Steps(Protocol):
    """A model as the engine calls it; one thread at a time.

    ``size`` is how many token ids there are logits for, ``bytes_per_token`` what is
    kept of a token, and ``continues`` says that an answer goes on where its prompt
    ends, so that the two are one text.
    """

    size: int
    bytes_per_token: int
    continues: bool

    @property
    def rows(self) -> int:
        """How many sequences run."""

    @property
    def width(self) -> int:
        """How many tokens are kept of the longest of them."""

    def read(self, prefill: Prefill, columns: int) -> torch.Tensor | None:
        """Read the next *columns* of *prefill*.

        Returns the logits ``[rows, vocabulary]`` after the last token, once it is read.
        """

    def join(self, prefill: Prefill, rows: Sequence[int]) -> None:
        """Let *rows* of a *prefill* that is read take part in the steps."""

    def leave(self, rows: Collection[int]) -> None:
        """Drop *rows*; the last take their places, as `_slots.moves` says."""

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Append one of *tokens* to each row; return the logits after them."""

    def clear(self) -> None:
        """Forget all rows."""
