"""Parameters of requests and answers, between their messages and Python's values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from inferry.errors import InferenceError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

_INT64 = 2**63
_UINT64 = 2**64
_CHOICE = "parameter_choice"


def read(given: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return the values of *given*, messages by name; *what* they belong to.

    Raises:
        InvalidInput: One has no value.

    """
    found = {}
    for name, message in given.items():
        choice = message.WhichOneof(_CHOICE)
        if choice is None:
            raise InvalidInput(f"{what}: the parameter {name[:200]!r} has no value")
        found[name] = getattr(message, choice)
    return found


def write(given: Mapping[str, Any], into: Any) -> None:  # noqa: ANN401 - a map of messages
    """Put *given* into the map *into*; what has no kind of its own becomes JSON.

    Raises:
        InferenceError: A value that not even JSON has a word for.

    """
    for name, value in given.items():
        if value is not None:
            setattr(into[name], *_chosen(name, value))


def _chosen(name: str, value: object) -> tuple[str, Any]:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return "bool_param", value
    if isinstance(value, int) and -_INT64 <= value < _UINT64:
        return "int64_param" if value < _INT64 else "uint64_param", value
    if isinstance(value, float):
        return "double_param", value
    if isinstance(value, str):
        return "string_param", value
    try:
        return "string_param", orjson.dumps(value).decode()
    except TypeError as error:
        raise InferenceError(
            f"the parameter {name!r} of the answer is a {type(value).__name__}, which "
            "no kind of parameter can hold"
        ) from error
