"""Runs of tokens of one label, as a reader of the text would name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Entity", "Tagged", "found"]

_OUTSIDE = "O"


class Tagged(msgspec.Struct, frozen=True, kw_only=True):
    """One text's tokens: the numbers of each label, and where the token is."""

    logits: NDArray[np.float32]
    chances: NDArray[np.float32]
    offsets: Sequence[tuple[int, int]] = ()
    special: Sequence[int] = ()
    text: str = ""

    @property
    def best(self) -> NDArray[np.int64]:
        """The index of each token's likeliest label."""
        made: NDArray[np.int64] = self.logits.argmax(-1)
        return made

    @property
    def places(self) -> NDArray[np.int64]:
        """Start and end of each token in the text, in characters; empty: 0, 0."""
        if len(self.offsets) != len(self.logits):
            return np.zeros((len(self.logits), 2), dtype=np.int64)
        return np.array(self.offsets, dtype=np.int64).reshape(-1, 2)


class Entity(msgspec.Struct, kw_only=True):
    """What was found, as transformers' pipelines name its parts."""

    entity_group: str
    score: float
    word: str
    start: int
    end: int


def found(tagged: Tagged, labels: Sequence[str]) -> list[Entity]:
    """Return the entities of *tagged*: tokens side by side of one label are one.

    A label ``B-X`` begins an X, ``I-X`` goes on with it, ``O`` is none; the score is
    the mean of the tokens'. A token that goes on within a word belongs to its entity,
    whatever its own label.
    """
    entities: list[Entity] = []
    scores: list[list[float]] = []
    chances = tagged.chances.max(-1).tolist()
    previous_end = -1
    open_name = ""
    for index, label in enumerate(tagged.best.tolist()):
        if not tagged.offsets or (tagged.special and tagged.special[index]):
            continue
        start, end = tagged.offsets[index]
        begins, name = _parts(labels[label])
        inside = start == previous_end and _in_word(tagged.text, start)
        if open_name and (inside or (name == open_name and not begins)):
            entities[-1].end = end
            scores[-1].append(chances[index])
        elif name != _OUTSIDE and not inside:
            entities.append(
                Entity(entity_group=name, score=0, word="", start=start, end=end)
            )
            scores.append([chances[index]])
            open_name = name
        else:
            open_name = ""
        previous_end = end
    for entity, each in zip(entities, scores, strict=True):
        entity.score = round(sum(each) / len(each), 6)
        entity.word = tagged.text[entity.start : entity.end]
    return entities


def _parts(label: str) -> tuple[bool, str]:
    """Return whether *label* begins an entity, and of what."""
    if label[:2] in ("B-", "I-"):
        return label[0] == "B", label[2:]
    return False, label


def _in_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()
