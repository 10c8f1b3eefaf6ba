"""Which outputs of a model answer: those that a request, an option or nobody names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.errors import InvalidInput, ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["default", "wanted"]


def wanted(
    asked: tuple[str, ...],
    known: Collection[str],
    default: tuple[str, ...] | None = None,
) -> tuple[str, ...]:
    """Return what a request *asked* for; if that is nothing, *default*, else all.

    Raises:
        InvalidInput: Naming the first that is not *known*, and all that are.

    """
    for name in asked:
        if name not in known:
            raise InvalidInput(
                f"unknown output {name!r}; the model gives "
                f"{', '.join(map(repr, known))}"
            )
    return asked or (tuple(known) if default is None else default)


def default(method: tuple[str, ...], known: Collection[str]) -> tuple[str, ...]:
    """Return what the option ``method`` names, the first of *known* if nothing.

    They are in the order of *known*, and each once.

    Raises:
        ModelLoadError: One is not *known*.

    """
    for name in method:
        if name not in known:
            raise ModelLoadError(
                f"the model gives no {name}",
                remedy=f"use the option method with {', '.join(known)}",
            )
    return tuple(name for name in known if name in method) or tuple(known)[:1]
