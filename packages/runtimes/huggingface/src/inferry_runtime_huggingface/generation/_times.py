"""How long answers take to begin and to go on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from inferry.generation import Durations

if TYPE_CHECKING:
    from inferry_runtime_huggingface.generation._sequence import Sequence


class Times:
    """Counts the tokens of all answers, on the engine's thread."""

    def __init__(self) -> None:
        self.first = Durations()
        self.token = Durations()

    def count(self, sequence: Sequence, *, ended: bool) -> None:
        """Count the token that *sequence* was just given, the last one if it *ended*.

        The further tokens of an answer count once, by their mean: each alone would
        take longer than to look at them is worth.
        """
        drawn = sequence.drawing.drawn
        if drawn == 1:
            sequence.begun = time.monotonic()
            self.first.add(sequence.begun - sequence.arrived)
        elif ended:
            self.token.add((time.monotonic() - sequence.begun) / (drawn - 1))
