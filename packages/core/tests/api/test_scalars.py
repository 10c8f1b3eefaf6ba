from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from inferry.api._scalars import plain

if TYPE_CHECKING:
    from typing import Any


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("yes", True),
        ("No", False),
        ("off", False),
        ("12", 12),
        ("-3", -3),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0644", 420),
        ("0b11", 3),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.5e+3", 1500.0),
        ("-.inf", float("-inf")),
        ("12:30:45", "12:30:45"),
        ("2026-01-01", "2026-01-01"),
        ("08", "08"),
        ("1e3", "1e3"),
        ("0b_", "0b_"),
        ("y", "y"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_plain_scalars_mean_what_kubernetes_reads(text: str, value: Any) -> None:
    assert plain(text) == value
    assert type(plain(text)) is type(value)


@given(st.text())
def test_text_that_pyyaml_leaves_unquoted_is_text(text: str) -> None:
    dumped = yaml.safe_dump({"a": text}, width=10**6)
    unquoted = dumped.removeprefix("a: ").removesuffix("\n")
    if unquoted == text:
        assert plain(text) == text
