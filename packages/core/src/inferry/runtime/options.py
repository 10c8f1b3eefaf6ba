"""Read the options of a model; the server has converted each to its type already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["choice", "count", "listed", "switch"]

_SWITCH = {"auto": None, "true": True, "false": False}


def choice(options: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    """Return the option *name*, one of *known*; the first where nobody set it.

    Raises:
        ModelLoadError: It is another.

    """
    value = str(options.get(name) or known[0])
    if value not in known:
        *others, last = known
        raise ModelLoadError(
            f"option {name} is {value!r}", remedy=f"use {', '.join(others)} or {last}"
        )
    return value


def switch(options: Mapping[str, Any], name: str) -> bool | None:
    """Return whether the option *name* is true; None where it is auto or not set.

    Raises:
        ModelLoadError: It is something else.

    """
    value = options.get(name)
    text = "" if value is None else str(value).lower()
    return _SWITCH[choice({name: text}, name, tuple(_SWITCH))]


def listed(options: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the parts of the option *name*, which are separated by commas."""
    text = str(options.get(name) or "")
    return tuple(part.strip() for part in text.split(",") if part.strip())


def count(options: Mapping[str, Any], name: str, default: int) -> int:
    """Return the option *name*, at least 1; *default* where it is 0 or not set.

    Raises:
        ModelLoadError: It is negative.

    """
    value = int(options.get(name) or 0)
    if value < 0:
        raise ModelLoadError(
            f"option {name} is {value}", remedy="use a positive number, or 0"
        )
    return value or default
