"""What a plain YAML scalar means: null, a truth value, a number or text.

YAML 1.1 as Kubernetes' own reader knows it, without two of its traps: ``1:30`` is text,
not ninety, and a date is text. Everything that PyYAML writes unquoted as text is text.
"""

from __future__ import annotations

import re

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset(
    {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"},
)
_FALSE = frozenset(
    {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"},
)
_INT = re.compile(
    r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)",
)
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?)"
)
_SPECIAL = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))")
_LONGEST_NUMBER = 64

Value = str | int | float | bool | None


def plain(text: str) -> Value:
    """Return the value of the unquoted scalar *text*."""
    if text in _NULLS:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    return text if len(text) > _LONGEST_NUMBER else _number(text)


def name_of(value: Value) -> str:
    """Return what YAML calls *value*, for a message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    return "text" if isinstance(value, str) else "a number"


def _number(text: str) -> int | float | str:
    try:
        if _INT.fullmatch(text):
            return _integer(text.replace("_", ""))
        if _SPECIAL.fullmatch(text):
            return float(text.lower().replace(".", "", 1))
        if _FLOAT.fullmatch(text):
            return float(text.replace("_", ""))
    except ValueError:  # "0_" or "0b_": a number in shape only
        return text
    return text


def _integer(digits: str) -> int:
    sign = -1 if digits.startswith("-") else 1
    body = digits.lstrip("+-")
    if body.startswith(("0b", "0x")):
        return sign * int(body, 0)
    octal = len(body) > 1 and body.startswith("0")
    return sign * int(body, 8 if octal else 10)
