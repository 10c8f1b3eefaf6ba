"""JSON schemas before they become grammars."""

from __future__ import annotations

from typing import Any

import pytest

from inferry.errors import InvalidInput
from inferry_runtime_huggingface.generation._schema import followed


@pytest.mark.parametrize("value", ["path", "int64", "json-string", "made-up"])
def test_formats_that_only_annotate_are_left_out(value: str) -> None:
    schema = {"anyOf": [{"type": "string", "format": value, "maxLength": 3}]}
    assert followed(schema) == {"anyOf": [{"type": "string", "maxLength": 3}]}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "format": "date"},
        {"properties": {"format": {"type": "string"}}, "required": ["format"]},
        {"$defs": {"format": True}, "$ref": "#/$defs/format"},
        {"const": {"format": "made-up"}},
        {"enum": [{"format": "made-up"}], "default": {"format": "x"}},
        {"items": [True, False], "minimum": 3, "maximum": 2**70},
        True,
    ],
)
def test_all_else_stays_as_it_is(schema: Any) -> None:
    assert followed(schema) == schema


@pytest.mark.parametrize(
    "schema",
    [
        {"minimum": 2**63},
        {"properties": {"minimum": {"exclusiveMinimum": 2**63}}},
        {"items": {"maximum": -(2**63)}},
    ],
)
def test_integers_that_would_be_cut_are_refused(schema: Any) -> None:
    with pytest.raises(InvalidInput, match="beyond integers of 64 bits"):
        followed(schema)
