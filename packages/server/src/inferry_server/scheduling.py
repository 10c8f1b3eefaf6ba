"""What a V2 request says about when and with what it wants to be computed.

``timeout`` is honoured. The others are checked and reach the model, which may use them;
the server does not order its calls by them.
Source: Triton, "Schedule Policy Extension" and "Sequence Extension".
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from inferry.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_server.calls import Call

_TIMEOUT = "timeout"
_MICROSECONDS = 1e6
_MOST = 2**64
_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    _TIMEOUT: ((int,), "a number of microseconds"),
    "priority": ((int,), "a number"),
    "sequence_end": ((bool,), "true or false"),
    "sequence_id": ((int, str), "a number or a string"),
    "sequence_start": ((bool,), "true or false"),
}


def take_schedule(call: Call, parameters: Mapping[str, object]) -> None:
    """Move the deadline of *call* to where *parameters* put it, if that is earlier.

    ``timeout`` counts microseconds from now; 0 is none.

    Raises:
        InvalidInput: A parameter with a meaning has a value without one.

    """
    for name in _TYPES.keys() & parameters.keys():
        _check(name, parameters[name])
    microseconds = parameters.get(_TIMEOUT)
    if isinstance(microseconds, int) and microseconds:
        due = time.monotonic() + microseconds / _MICROSECONDS
        call.deadline = due if call.deadline is None else min(call.deadline, due)


def _check(name: str, value: object) -> None:
    types, expected = _TYPES[name]
    fits = type(value) in types
    if fits and isinstance(value, int):
        fits = 0 <= value < _MOST
    if not fits:
        raise InvalidInput(
            f"parameter {name!r} is {str(value)[:40]!r}, expected {expected}"
        )
