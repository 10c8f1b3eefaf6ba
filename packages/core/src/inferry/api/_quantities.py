"""How much a Kubernetes quantity is."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

_PARTS = re.compile(
    r"([+-]?[0-9.]+)([KMGTPE]i|[numkMGTPE])?|([+-]?[0-9.]+[eE][+-]?\d+)"
)
_DECIMAL = {
    "n": -9,
    "u": -6,
    "m": -3,
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
    "P": 15,
    "E": 18,
}
_BINARY = "KMGTPE"


def amount(quantity: str | float) -> Decimal | None:
    """Return a quantity as a number: ``500m`` is 0.5, ``1Ki`` is 1024.

    None stands for what is no quantity.
    """
    match = _PARTS.fullmatch(str(quantity))
    try:
        if match is None:
            return None
        if match[3]:
            return Decimal(match[3])
        return Decimal(match[1]) * _factor(match[2] or "")
    except InvalidOperation:
        return None


def exceeds(quantity: str | float, limit: str | float) -> bool:
    """Say whether *quantity* is more than *limit*; never where one is no quantity."""
    left, right = amount(quantity), amount(limit)
    return left is not None and right is not None and left > right


def _factor(suffix: str) -> Decimal:
    if suffix.endswith("i"):
        return Decimal(1024) ** (_BINARY.index(suffix[0]) + 1)
    return Decimal(10) ** _DECIMAL.get(suffix, 0)
