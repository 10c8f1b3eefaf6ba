"""What a model tells of the texts that it generates: a ``generation`` attribute.

`Model.generation` is, once the model is loaded, what it has counted since then. The
server reads it whenever someone asks for ``/metrics``.
"""

from __future__ import annotations

from bisect import bisect_left

import msgspec

__all__ = ["BOUNDS", "Durations", "Generation"]

#: Upper bounds of the buckets of durations, in seconds.
BOUNDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)


class Durations(msgspec.Struct):
    """How many durations fell into each bucket of `BOUNDS`, and their sum in seconds.

    The last bucket is of those above all bounds. One thread adds; any may read.
    """

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    sum: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """What runs now, and what was generated since the model was loaded.

    ``first_token`` are the times from a prompt until the first token of its answer,
    waiting included; ``token`` the mean time of each further token, one for each
    answer. ``cached_tokens`` have their keys and values in memory, which has room for
    ``cached_tokens_limit``; 0 is a model that keeps none.
    """

    running: int = 0
    waiting: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    cached_tokens: int = 0
    cached_tokens_limit: int = 0
    first_token: Durations = msgspec.field(default_factory=Durations)
    token: Durations = msgspec.field(default_factory=Durations)
