"""The time that a V2 request gives itself, in its parameter ``timeout``.

Source: Triton, "Schedule Policy Extension".
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
_MOST = 2**63


def take_timeout(call: Call, parameters: Mapping[str, object]) -> None:
    """Move the deadline of *call* to where *parameters* put it, if that is earlier.

    ``timeout`` counts microseconds from now; 0 is none.

    Raises:
        InvalidInput: It is no such number.

    """
    if _TIMEOUT not in parameters:
        return
    value = parameters[_TIMEOUT]
    if type(value) is not int or not 0 <= value < _MOST:
        raise InvalidInput(
            f"parameter 'timeout' is {str(value)[:40]!r}, expected a number of "
            "microseconds"
        )
    if value:
        due = time.monotonic() + value / _MICROSECONDS
        call.deadline = due if call.deadline is None else min(call.deadline, due)
