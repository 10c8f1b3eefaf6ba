"""Large JSON documents read into Python's objects, within bounds.

An empty list takes three bytes of a document and 64 of memory: without a bound 64 MB of
them become 2 GB, and nobody else is served for the twelve seconds that this takes.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from inferry.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
#: Documents up to here hold nobody up, whatever is in them.
LARGE = 256 * 1024
#: So many of each a document may have.
MOST_LISTS = 2**21
MOST_MEMBERS = 2**20
_STEP = 64 * 1024
_BOUNDS = (("lists and objects", b"[{", MOST_LISTS), ("members", b":", MOST_MEMBERS))


def decoded(decode: Callable[[memoryview], T], text: memoryview) -> T:
    """Return what *decode* makes of *text*, which is over `LARGE`.

    Raises:
        InvalidInput: There is more in it than may be.

    """
    _check(text)
    if not gc.isenabled():
        return decode(text)
    # It would look at all that is new again and again: four fifths of the time.
    gc.disable()
    try:
        return decode(text)
    finally:
        gc.enable()


def _check(text: memoryview) -> None:
    found = np.frombuffer(text, np.uint8)
    for what, marks, most in _BOUNDS:
        count = 0
        for start in range(0, len(found), _STEP):
            piece = found[start : start + _STEP]
            count += sum(int(np.count_nonzero(piece == mark)) for mark in marks)
        if count > most:
            raise InvalidInput(
                f"the JSON has {count} {what}, at most {most}; send fewer rows at a "
                "time, or binary tensor data"
            )
