"""What scoring documents against a query gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Scored"]


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """A score for each document, greater is nearer; ``counts`` are their tokens.

    The tokens of the query are counted with each document.
    """

    scores: NDArray[np.float32]
    counts: tuple[int, ...]
