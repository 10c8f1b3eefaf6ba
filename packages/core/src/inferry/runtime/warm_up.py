"""Find a first request for a model whose axes are open; needs numpy."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from inferry.errors import InferenceError, InvalidInput
from inferry.runtime.tensors import zeros

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from inferry.model import InferRequest, TensorSpec

__all__ = ["answered"]

_SIZES = (1, 16, 64, 320)


def answered(
    specs: Collection[TensorSpec],
    predict: Callable[[InferRequest], object],
    sizes: Sequence[int] = _SIZES,
) -> InferRequest | None:
    """Return the first request of zeros that *predict* answers; None if there is none.

    It has one row, and one of *sizes*, tried in this order, for the other axes that
    *specs* leave open. The only axis of an input may be its length instead of its
    rows, as of sound: where no input has another open axis, it gets *sizes* too.
    """
    inner = any(-1 in spec.shape[1:] for spec in specs)
    flat = not inner and any(spec.shape == (-1,) for spec in specs)
    tried = [(1, size) for size in (sizes if inner else sizes[:1])]
    if flat:
        tried += [(size, 1) for size in sizes if size > 1]
    for rows, size in tried:
        request = zeros(specs, rows=rows, open_size=size)
        with contextlib.suppress(InferenceError, InvalidInput):
            predict(request)
            return request
    return None
