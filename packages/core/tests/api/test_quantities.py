from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from inferry.api._quantities import amount, exceeds

if TYPE_CHECKING:
    from typing import Any


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        ("500m", "0.5"),
        (2, "2"),
        (0.25, "0.25"),
        ("1Ki", "1024"),
        ("1.5G", "1500000000"),
        ("2e3", "2000"),
        ("100n", "0.0000001"),
        ("1Ei", str(1024**6)),
    ],
)
def test_a_quantity_is_a_number(quantity: Any, value: Any) -> None:
    assert amount(quantity) == Decimal(value)


@pytest.mark.parametrize("text", ["", "1gb", "one", "1.2.3", "--1"])
def test_other_text_is_none(text: str) -> None:
    assert amount(text) is None
    assert not exceeds(text, 1)


def test_quantities_are_compared_across_suffixes() -> None:
    assert exceeds("1Gi", "1G")
    assert not exceeds("1000m", 1)
