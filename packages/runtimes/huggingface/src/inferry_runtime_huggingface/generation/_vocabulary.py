"""The bytes that each token stands for, which no decoder gives one token at a time."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_SPACE = "\u2581"


class Vocabulary:
    """What a tokenizer's tokens are; made once, for models with many tokens slowly.

    ``exact`` says that the text of an answer is the bytes of its tokens in a row, as of
    byte-level tokenizers and of those that fall back to bytes.
    """

    def __init__(self, tokenizer: Any) -> None:  # noqa: ANN401 - a tokenizer of transformers
        self.tokenizer = tokenizer
        self.special = frozenset(tokenizer.all_special_ids)
        kinds = _decoders(tokenizer)
        self.exact = bool(kinds & {"ByteLevel", "ByteFallback"})
        added = {
            token_id: token.content
            for token_id, token in tokenizer.added_tokens_decoder.items()
        }
        self.special |= {
            token_id
            for token_id, token in tokenizer.added_tokens_decoder.items()
            if token.special
        }
        data = _byte_level if "ByteLevel" in kinds else _with_fallback
        words = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        self._data = [b"" if word is None else data(word) for word in words]
        for token_id, word in added.items():
            if token_id < len(self._data):
                self._data[token_id] = word.encode()

    def __len__(self) -> int:
        return len(self._data)

    def data(self, token_id: int) -> bytes:
        """Return the bytes of a token; none of an id that no token has."""
        return self._data[token_id] if token_id < len(self._data) else b""

    def text(self, token_ids: Sequence[int], *, skip_special: bool) -> str:
        """Return the text of *token_ids* as the tokenizer decodes it."""
        known = [each for each in token_ids if each < len(self._data)]
        text: str = self.tokenizer.decode(
            known,
            skip_special_tokens=skip_special,
            clean_up_tokenization_spaces=False,
        )
        return text


def _decoders(tokenizer: Any) -> set[str]:  # noqa: ANN401 - as above
    decoder = getattr(getattr(tokenizer, "backend_tokenizer", None), "decoder", None)
    if decoder is None:
        return set()
    state = json.loads(decoder.__getstate__())
    return {each["type"] for each in (state, *state.get("decoders", ()))}


def _alphabet() -> dict[str, int]:
    """Return the letters that GPT-2 writes bytes with: printable ones for all 256."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    letters = {chr(byte): byte for byte in printable}
    return letters | {chr(256 + place): byte for place, byte in enumerate(rest)}


_LETTERS = _alphabet()


def _byte_level(word: str) -> bytes:
    try:
        return bytes(_LETTERS[letter] for letter in word)
    except KeyError:
        return word.encode()


def _with_fallback(word: str) -> bytes:
    if found := _BYTE.fullmatch(word):
        return bytes([int(found[1], 16)])
    return word.replace(_SPACE, " ").encode(errors="replace")
