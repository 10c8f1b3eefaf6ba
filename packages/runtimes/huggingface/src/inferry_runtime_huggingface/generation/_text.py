"""From tokens to text that may be sent: whole characters, and no start of a stop."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_runtime_huggingface.generation._vocabulary import Vocabulary

_BROKEN = "\ufffd"
_CONTEXT = 6
# A character has at most four bytes, so that many tokens may be one character.
_LONGEST_WAIT = 4


class Decoding(Protocol):
    """Text as its tokens come."""

    def add(self, token_id: int) -> str:
        """Return the characters that *token_id* completes, perhaps none."""


def decoding(
    vocabulary: Vocabulary, prompt: Sequence[int], *, skip_special: bool
) -> Decoding:
    """Return what decodes the answer to *prompt*."""
    if vocabulary.exact:
        return _Bytes(vocabulary, skip_special=skip_special)
    return _Windows(vocabulary, prompt, skip_special=skip_special)


class _Bytes:
    """Puts the tokens' bytes together; what is no UTF-8 becomes U+FFFD."""

    def __init__(self, vocabulary: Vocabulary, *, skip_special: bool) -> None:
        self._data = vocabulary.data
        self._skipped = vocabulary.special if skip_special else frozenset()
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode

    def add(self, token_id: int) -> str:
        if token_id in self._skipped:
            return ""
        return self._decode(self._data(token_id))


class _Windows:
    """Decodes the last tokens again with the new one and takes what is longer.

    For decoders that look at the neighbours of a token, such as WordPiece's.
    """

    def __init__(
        self, vocabulary: Vocabulary, prompt: Sequence[int], *, skip_special: bool
    ) -> None:
        self._vocabulary = vocabulary
        self._skip_special = skip_special
        self._ids = list(prompt[-_CONTEXT:])
        self._read = len(self._ids)
        self._shown = self._text()

    def _text(self) -> str:
        return self._vocabulary.text(self._ids, skip_special=self._skip_special)

    def add(self, token_id: int) -> str:
        self._ids.append(token_id)
        text = self._text()
        waited = len(self._ids) - self._read
        if text.endswith(_BROKEN) and waited < _LONGEST_WAIT:
            return ""
        new = text[len(self._shown) :]
        self._ids = self._ids[-_CONTEXT:]
        self._read = len(self._ids)
        self._shown = self._text()
        return new


class Stops:
    """Holds back text that may be the beginning of a stop string."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._held = ""

    def add(self, text: str) -> tuple[str, bool]:
        """Return what may be sent of all that came, and whether a stop ended it."""
        if not self._stops:
            return text, False
        held = self._held + text
        found = [place for stop in self._stops if (place := held.find(stop)) >= 0]
        if found:
            self._held = ""
            return held[: min(found)], True
        kept = max(_overlap(held, stop) for stop in self._stops)
        self._held = held[len(held) - kept :]
        return held[: len(held) - kept], False

    def rest(self) -> str:
        """Return what was held, as it is no stop after all."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Return how many letters at the end of *text* begin *stop*."""
    for size in range(min(len(text), len(stop) - 1), 0, -1):
        if stop.startswith(text[-size:]):
            return size
    return 0
