"""How long to wait after a number of failures in a row."""

from __future__ import annotations

import random

#: Beyond it 2**n says nothing that the longest pause does not.
_MOST = 40


def pause(failures: int, *, first: float, longest: float, jitter: float = 0.0) -> float:
    """Return *first* doubled for each failure after the first one, at most *longest*.

    *jitter* is the share by which it may be longer, so that callers that failed
    together do not come back together.
    """
    if failures <= 0:
        return 0.0
    exact: float = min(first * 2 ** min(failures - 1, _MOST), longest)
    return exact * (1.0 + jitter * random.random())  # noqa: S311
