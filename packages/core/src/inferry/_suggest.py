"""The "did you mean" of every message about a misspelt name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str:
    """Return the name in *known* that *word* most likely stands for, or ''."""
    from difflib import get_close_matches

    by_fold = {name.lower(): name for name in sorted(known)}
    matches = get_close_matches(word.lower(), by_fold, n=1, cutoff=0.6)
    return by_fold[matches[0]] if matches else ""


def suggestion(word: str, known: Iterable[str], *, upper: bool = False) -> str:
    """Return ``did you mean 'name'?``, a remedy by itself, or ''."""
    name = closest(word, known)
    return f"did you mean {(name.upper() if upper else name)!r}?" if name else ""


def did_you_mean(word: str, known: Iterable[str], *, upper: bool = False) -> str:
    """Return ``; did you mean 'name'?`` to put behind a message, or ''."""
    text = suggestion(word, known, upper=upper)
    return f"; {text}" if text else ""
