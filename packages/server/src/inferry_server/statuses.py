"""What a client is told of an exception: a status, a text, no internals."""

from __future__ import annotations

import logging
import math
import secrets
from typing import TYPE_CHECKING

from inferry import errors
from inferry_server.errors import (
    BodyTimeout,
    BodyTooLarge,
    Conflict,
    DeadlineExceeded,
    MethodNotAllowed,
    NotPermitted,
    PredictorFailed,
    Unauthorized,
    Unsupported,
    UpstreamFailed,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

#: The first that fits counts, so the narrow ones stand first.
STATUS: Mapping[type[Exception], int] = {
    BodyTooLarge: 413,
    BodyTimeout: 408,
    errors.InvalidInput: 400,
    errors.ModelNotFound: 404,
    MethodNotAllowed: 405,
    Conflict: 409,
    errors.ModelLoadError: 500,
    NotPermitted: 403,
    PredictorFailed: 502,
    Unauthorized: 401,
    errors.Overloaded: 503,
    errors.ModelNotReady: 503,
    DeadlineExceeded: 504,
    Unsupported: 501,
    UpstreamFailed: 500,
}
_LONGEST = 2000


def explain(error: Exception, where: str) -> tuple[int, str, list[tuple[bytes, bytes]]]:
    """Return the status, the text and the headers that tell a client of *error*.

    What nobody expects is logged with an id, and the id is all that the client gets.
    """
    for kind, status in STATUS.items():
        if isinstance(error, kind):
            return status, _shortened(str(error)), _headers(error)
    identity = secrets.token_hex(8)
    logger.error("internal error, id %s, in %s", identity, where, exc_info=error)
    return 500, f"internal error, id {identity}: see the log of the server", []


def _shortened(text: str) -> str:
    """Keep what a client sent, and a message repeats, from filling the answer."""
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def _headers(error: Exception) -> list[tuple[bytes, bytes]]:
    if isinstance(error, errors.Overloaded):
        return [(b"retry-after", str(math.ceil(error.retry_after)).encode())]
    if isinstance(error, errors.ModelNotReady):
        return [(b"retry-after", b"1")]
    if isinstance(error, MethodNotAllowed):
        return [(b"allow", ", ".join(error.allowed).encode())]
    # The rest of the body is not read, so the connection cannot go on.
    return (
        [(b"connection", b"close")]
        if isinstance(error, BodyTooLarge | BodyTimeout)
        else []
    )
