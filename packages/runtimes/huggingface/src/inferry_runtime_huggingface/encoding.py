"""Texts, pairs of texts and token ids as the rows that an encoder takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import InvalidInput, ModelLoadError
from inferry.runtime import options as reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry_runtime_huggingface.folder import ModelFolder

__all__ = ["Encoding", "Row", "Texts", "TokenIds", "longest"]

#: What tokenizers say who know no limit: int(1e30), and what fits no memory either.
_NO_LIMIT = 1 << 20
#: Models that count positions from the id of the padding token on.
_POSITIONS_AFTER_PADDING = (
    "camembert",
    "longformer",
    "mpnet",
    "roberta",
    "xlm-roberta",
)


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One text as tokens; ``offsets`` are where each is in the text, in characters.

    ``special`` is 1 for tokens that the tokenizer added, ``prompt`` how many tokens
    at the start belong to a prompt, and ``cut`` says that the text was too long.
    """

    ids: Sequence[int]
    types: Sequence[int] = ()
    offsets: Sequence[tuple[int, int]] = ()
    special: Sequence[int] = ()
    prompt: int = 0
    cut: bool = False


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """Texts to encode, perhaps each with its ``pairs``, a second text.

    ``prompt`` is put before each.
    """

    texts: Sequence[str]
    pairs: Sequence[str] | None = None
    prompt: str = ""


class TokenIds(msgspec.Struct, frozen=True, kw_only=True):
    """Token ids that somebody else made, with or without the types of the tokens."""

    ids: Sequence[Sequence[int]]
    types: Sequence[Sequence[int]] | None = None


class Encoding:
    """Makes rows with one tokenizer; to be used by one thread."""

    def __init__(
        self,
        tokenizer: Any,  # noqa: ANN401 - as transformers
        *,
        max_length: int,
        vocabulary: int,
        truncate: bool = True,
        special_tokens: bool = True,
        lower_case: bool = False,
        places: bool = False,
    ) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        self._vocabulary = vocabulary
        self._truncate = truncate
        self._special = special_tokens
        self._lower = lower_case
        # To say where tokens are takes as long as to find them.
        self._places = places
        self._backend: Any = tokenizer.backend_tokenizer if tokenizer.is_fast else None
        if self._backend is not None:
            # Its own state, set once: transformers sets it anew with each call, which
            # takes longer than to encode a sentence.
            self._backend.no_padding()
            if truncate:
                self._backend.enable_truncation(max_length)
            else:
                self._backend.no_truncation()

    def rows(self, given: Texts | TokenIds) -> list[Row]:
        """Return *given* as rows.

        Raises:
            InvalidInput: One is too long, empty, or has an id that is no token.

        """
        if isinstance(given, TokenIds):
            return [self._checked(index, given) for index in range(len(given.ids))]
        texts, pairs = self._prepared(given)
        encode = self._encoded if self._backend is not None else self._encoded_slowly
        rows = encode(texts, pairs)
        if given.prompt and rows:
            size = self._size_of(given.prompt)
            rows = [msgspec.structs.replace(row, prompt=size) for row in rows]
        for index, row in enumerate(rows):
            self._check_length(index, row)
        return rows

    def _size_of(self, prompt: str) -> int:
        """Return how many tokens *prompt* is at the start of a text."""
        found = self.tokenizer(
            prompt, add_special_tokens=self._special, return_special_tokens_mask=True
        )
        # What ends a text comes after the text then.
        return len(found["input_ids"]) - _trailing(found["special_tokens_mask"])

    def _prepared(self, given: Texts) -> tuple[Sequence[str], Sequence[str] | None]:
        texts, pairs = given.texts, given.pairs
        if given.prompt:
            texts = [given.prompt + text for text in texts]
        if self._lower:
            texts = [text.lower() for text in texts]
            pairs = [text.lower() for text in pairs] if pairs is not None else None
        return texts, pairs

    def _encoded(self, texts: Sequence[str], pairs: Sequence[str] | None) -> list[Row]:
        given: Any = texts if pairs is None else list(zip(texts, pairs, strict=True))
        return [
            Row(
                ids=each.ids,
                types=each.type_ids,
                offsets=each.offsets if self._places else (),
                special=each.special_tokens_mask if self._places else (),
                cut=self._truncate and bool(each.overflowing),
            )
            for each in self._backend.encode_batch(
                given, add_special_tokens=self._special
            )
        ]

    def _encoded_slowly(
        self, texts: Sequence[str], pairs: Sequence[str] | None
    ) -> list[Row]:
        """Encode with a tokenizer that is written in Python and knows no offsets."""
        found = self.tokenizer(
            list(texts),
            list(pairs) if pairs is not None else None,
            add_special_tokens=self._special,
            return_token_type_ids=True,
            return_special_tokens_mask=True,
            truncation=False,
        )
        rows = []
        for index, ids in enumerate(found["input_ids"]):
            keep = self.max_length if self._truncate else len(ids)
            rows.append(
                Row(
                    ids=ids[:keep],
                    types=found["token_type_ids"][index][:keep],
                    special=found["special_tokens_mask"][index][:keep],
                    cut=len(ids) > keep,
                )
            )
        return rows

    def _check_length(self, index: int, row: Row) -> None:
        if len(row.ids) > self.max_length:
            raise InvalidInput(
                f"text {index} has {len(row.ids)} tokens, the model takes "
                f"{self.max_length}",
                remedy="shorten it, or set the option truncate=true",
            )
        if not row.ids:
            raise InvalidInput(f"text {index} has no tokens")

    def _checked(self, index: int, given: TokenIds) -> Row:
        ids = given.ids[index]
        types = given.types[index] if given.types is not None else ()
        if ids and not (min(ids) >= 0 and max(ids) < self._vocabulary):
            wrong = next(each for each in ids if not 0 <= each < self._vocabulary)
            raise InvalidInput(
                f"text {index} has the token id {wrong}, the model has 0 to "
                f"{self._vocabulary - 1}"
            )
        if not all(0 <= each <= 1 for each in types):
            raise InvalidInput(f"text {index} has token types other than 0 and 1")
        keep = self.max_length if self._truncate else len(ids)
        row = Row(ids=ids[:keep], types=types[:keep], cut=len(ids) > keep)
        self._check_length(index, row)
        return row


def longest(
    folder: ModelFolder,
    tokenizer: Any,  # noqa: ANN401 - as transformers
    options: Mapping[str, Any],
) -> int:
    """Return how many tokens a text may have.

    The options ``maxLength`` and ``maxModelLen`` may only lower what the model allows.

    Raises:
        ModelLoadError: The option asks for more than the model can take.

    """
    positions = _positions(folder.config)
    saved = folder.document("sentence_bert_config.json").get("max_seq_length")
    known = [
        int(each)
        for each in (positions, saved, tokenizer.model_max_length)
        if isinstance(each, int | float) and 0 < each < _NO_LIMIT
    ]
    most = min(known, default=512)
    for name in ("maxLength", "maxModelLen"):
        asked = reading.count(options, name, most)
        if asked > (positions or _NO_LIMIT):
            raise ModelLoadError(
                f"option {name} is {asked}, and the model has {positions} positions",
                remedy=f"use at most {positions}",
            )
        if asked != most:
            return asked
    return most


def _positions(config: Mapping[str, Any]) -> int | None:
    """Return how many positions the model has embeddings for, None where any."""
    if config.get("relative_attention_num_buckets") and "n_positions" in config:
        return None  # T5: positions are relative
    for name in ("max_position_embeddings", "n_positions", "max_sequence_length"):
        found = config.get(name)
        if isinstance(found, int) and found > 0:
            if config.get("model_type") in _POSITIONS_AFTER_PADDING:
                return found - int(config.get("pad_token_id") or 0) - 1
            return found
    return None


def _trailing(special: Sequence[int]) -> int:
    count = 0
    while count < len(special) and special[-1 - count]:
        count += 1
    return count
