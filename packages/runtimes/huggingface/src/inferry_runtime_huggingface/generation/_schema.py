"""JSON schemas as the grammars take them: what only annotates is left out."""

from __future__ import annotations

from typing import Any

from inferry.errors import InvalidInput

__all__ = ["followed"]

#: The formats that answers are kept to. Others are annotations, as JSON Schema's
#: validation section 7 lets them be; those of pydantic and OpenAPI are among them.
_FORMATS = frozenset(
    {
        "date",
        "date-time",
        "duration",
        "email",
        "hostname",
        "ipv4",
        "ipv6",
        "time",
        "uri",
        "uuid",
    }
)
#: What holds schemas by names, which are no keywords.
_NAMED = frozenset(
    {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
)
#: What holds values, in which nothing is a keyword.
_VALUES = frozenset({"const", "default", "enum", "examples", "x-guidance"})
_BITS = 63


def followed(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return *schema* without the formats that answers are not kept to.

    Raises:
        InvalidInput: It allows only integers beyond 64 bits, which would be cut.

    """
    if isinstance(schema, list):
        return [followed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    _check_bounds(schema)
    return {
        key: _part(key, value)
        for key, value in schema.items()
        if key != "format" or not isinstance(value, str) or value in _FORMATS
    }


def _part(key: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    if key in _VALUES:
        return value
    if key in _NAMED and isinstance(value, dict):
        return {name: followed(each) for name, each in value.items()}
    return followed(value)


def _check_bounds(schema: dict[str, Any]) -> None:
    for key, sign in (
        ("minimum", 1),
        ("exclusiveMinimum", 1),
        ("maximum", -1),
        ("exclusiveMaximum", -1),
    ):
        bound = schema.get(key)
        if isinstance(bound, int) and sign * bound >= 1 << _BITS:
            raise InvalidInput(f"{key} is beyond integers of 64 bits")
