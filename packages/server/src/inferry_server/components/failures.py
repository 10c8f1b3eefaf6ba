"""What the predictor's errors are for those who asked the component before it.

Its 4xx are the caller's fault here as well, with its text; what it cannot do now may be
tried again; all else is its own fault, which is 502.
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING

from inferry.errors import InvalidInput, ModelNotFound, ModelNotReady, Overloaded
from inferry_server.errors import (
    BodyTooLarge,
    DeadlineExceeded,
    NotPermitted,
    PredictorFailed,
    Unauthorized,
    Unsupported,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS: Mapping[int, type[Exception]] = {
    401: Unauthorized,
    403: NotPermitted,
    404: ModelNotFound,
    413: BodyTooLarge,
    429: Overloaded,
    501: Unsupported,
    503: ModelNotReady,
    504: DeadlineExceeded,
}
_LONGEST = 1000


def answered(where: str, status: int, text: str, retry_after: str = "") -> Exception:
    """Return the error for the *status* that the predictor *where* has answered."""
    said = " ".join(text.split())[:_LONGEST] or "nothing"
    kind = _KINDS.get(status)
    if kind is None:
        is_callers = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        kind = InvalidInput if is_callers else PredictorFailed
    message = f"{where}: {said}"
    if kind is PredictorFailed:
        message = f"{where} answered {status}: {said}"
    if kind is Overloaded or (kind is ModelNotReady and _seconds(retry_after)):
        return Overloaded(message, retry_after=_seconds(retry_after) or 1.0)
    return kind(message)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0


def unreachable(where: str, why: str) -> ModelNotReady:
    """Return the error for a predictor that nobody answers for."""
    return ModelNotReady(
        f"{where} cannot be reached: {' '.join(why.split())[:_LONGEST]}",
        remedy="check that it runs and what --predictor_host says",
    )


def late(where: str, seconds: float) -> DeadlineExceeded:
    """Return the error for a predictor that has not answered in time."""
    return DeadlineExceeded(f"{where} did not answer within {seconds:.3g} s")


def broken(where: str, why: str) -> PredictorFailed:
    """Return the error for an answer that is none."""
    return PredictorFailed(f"{where}: {' '.join(why.split())[:_LONGEST]}")
