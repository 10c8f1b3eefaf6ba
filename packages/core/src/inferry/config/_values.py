"""One value of a setting: from TOML or from text to its declared type."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inferry.config._declaration import SettingsSpec

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_WANTED = {
    "bool": "true or false",
    "float": "a finite number",
    "int": "a whole number",
    "list": "a list of strings",
    "map": "a table of strings",
    "str": "a string",
}


class WrongValue(ValueError):
    """The value does not have the declared type; the text says what was wanted."""


def from_toml(spec: SettingsSpec, value: object) -> Any:  # noqa: ANN401 - the spec says the type
    """Return *value*, read from TOML, as the type of *spec*."""
    if not _fits(spec.type, value):
        raise WrongValue(_wanted(spec, value))
    try:
        return _float(value) if spec.type == "float" else _frozen(value)
    except (ValueError, OverflowError):
        raise WrongValue(_wanted(spec, value)) from None


def from_text(spec: SettingsSpec, text: str) -> Any:  # noqa: ANN401 - the spec says the type
    """Return *text*, from the environment or a command line, as the type of *spec*."""
    try:
        return _frozen(_PARSERS[spec.type](text))
    except ValueError:
        raise WrongValue(_wanted(spec, text)) from None


def _wanted(spec: SettingsSpec, value: object) -> str:
    got = "another value" if spec.secret else repr(value)
    return f"must be {_WANTED[spec.type]}, got {got}"


def _fits(kind: str, value: object) -> bool:
    if kind == "list":
        return isinstance(value, list) and all(isinstance(i, str) for i in value)
    if kind == "map":
        return isinstance(value, dict) and all(
            isinstance(i, str) for i in value.values()
        )
    if isinstance(value, bool):
        return kind == "bool"
    wanted: dict[str, tuple[type, ...]] = {
        "float": (int, float),
        "int": (int,),
        "str": (str,),
    }
    return isinstance(value, wanted.get(kind, ()))


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _float(value: Any) -> float:  # noqa: ANN401 - a number or a text
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number


def _bool(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(text)


def _list(text: str) -> list[str]:
    if text.lstrip().startswith("["):
        items = json.loads(text)
        if not _fits("list", items):
            raise ValueError(text)
        return list(items)
    return [item.strip() for item in text.split(",") if item.strip()]


def _map(text: str) -> dict[str, str]:
    if text.lstrip().startswith("{"):
        table = json.loads(text)
        if not _fits("map", table):
            raise ValueError(text)
        return dict(table)
    pairs = [item.partition("=") for item in _list(text)]
    if not all(separator for _, separator, _ in pairs):
        raise ValueError(text)
    return {key.strip(): value.strip() for key, _, value in pairs}


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "bool": _bool,
    "float": _float,
    "int": int,
    "list": _list,
    "map": _map,
    "str": str,
}
