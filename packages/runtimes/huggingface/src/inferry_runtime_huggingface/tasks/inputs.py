"""Read what a request asks an encoder about: texts, pairs of texts, or token ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inferry.errors import InvalidInput, ModelLoadError
from inferry.runtime import tensors
from inferry_runtime_huggingface.encoding import Texts, TokenIds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.model import Tensor

__all__ = ["INPUT", "OUTPUT", "PAIR", "column", "texts_or_ids", "wrong_option"]

#: What KServe's clients send and read.
INPUT = "input-0"
OUTPUT = "output-0"
#: The second text of each pair, of the same number.
PAIR = "text_pair"
_IDS, _MASK, _TYPES = "input_ids", "attention_mask", "token_type_ids"


def texts_or_ids(given: Sequence[Tensor], *, pairs: bool = False) -> Texts | TokenIds:
    """Return the texts of *given*, or its token ids.

    Texts are BYTES [-1] in ``input-0``, with *pairs* perhaps a second one in
    ``text_pair``; token ids INT64 [-1,-1] in ``input_ids``, perhaps with
    ``attention_mask`` and ``token_type_ids`` of the same shape.

    Raises:
        InvalidInput: An input is unknown, missing, twice, or of a wrong type or shape.

    """
    named = {each.name: each for each in given}
    if len(named) != len(given):
        raise InvalidInput("an input is given twice")
    known = {_IDS, _MASK, _TYPES} if _IDS in named else {INPUT, *([PAIR] * pairs)}
    for name in named:
        if name not in known:
            more = f" and perhaps {PAIR!r}" if pairs else ""
            raise InvalidInput(
                f"unknown input {name!r}; the model takes {INPUT!r}{more} (BYTES), or "
                f"{_IDS!r} with {_MASK!r} (INT64)"
            )
    if _IDS in named:
        return _token_ids(named[_IDS], named.get(_MASK), named.get(_TYPES))
    if INPUT not in named:
        raise InvalidInput(f"input {INPUT!r} is missing")
    texts = column(named[INPUT])
    second = column(named[PAIR]) if PAIR in named else None
    if second is not None and len(second) != len(texts):
        raise InvalidInput(
            f"input {PAIR!r} has {len(second)} texts, {INPUT!r} has {len(texts)}"
        )
    return Texts(texts=texts, pairs=second)


def column(given: Tensor) -> list[str]:
    """Return the texts of a BYTES tensor of shape [-1].

    Raises:
        InvalidInput: It is of another type or shape, or an element is no UTF-8.

    """
    found = tensors.texts(given)
    if given.data.ndim != 1:
        raise InvalidInput(
            f"input {given.name!r} has shape {list(given.data.shape)}, expected [-1] "
            "(-1: any size)"
        )
    return found


def wrong_option(name: str, error: InvalidInput) -> ModelLoadError:
    """Return the error for an option that names what the model has not."""
    return ModelLoadError(f"option {name}: {error}", remedy="name one of them")


def _token_ids(ids: Tensor, mask: Tensor | None, types: Tensor | None) -> TokenIds:
    for each in (ids, mask, types):
        if each is None:
            continue
        if each.data.dtype.kind not in "iu":
            raise InvalidInput(
                f"input {each.name!r} is {each.datatype}, expected INT64"
            )
        if each.data.ndim != 2 or each.data.shape != ids.data.shape:  # noqa: PLR2004 - rows of tokens
            raise InvalidInput(
                f"input {each.name!r} has shape {list(each.data.shape)}, expected "
                f"{list(ids.data.shape) if ids.data.ndim == 2 else [-1, -1]}"  # noqa: PLR2004 - as above
            )
    kept = (
        np.ones(ids.data.shape, dtype=bool) if mask is None else mask.data.astype(bool)
    )
    return TokenIds(
        ids=_rows(ids, kept), types=_rows(types, kept) if types is not None else None
    )


def _rows(
    given: Tensor, kept: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> list[list[int]]:
    return [row[keep].tolist() for row, keep in zip(given.data, kept, strict=True)]
