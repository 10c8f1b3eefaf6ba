"""What an error of a model's own server is here, over HTTP and over gRPC alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from grpc import StatusCode

from inferry.errors import (
    InferenceError,
    InvalidInput,
    ModelNotFound,
    ModelNotReady,
    Overloaded,
)
from inferry_server.errors import DeadlineExceeded, Unsupported, UpstreamFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.errors import ModelError

_KINDS: Mapping[int, type[ModelError]] = {
    400: InvalidInput,
    404: ModelNotFound,
    429: Overloaded,
    501: Unsupported,
    503: ModelNotReady,
    504: DeadlineExceeded,
}
_STATUS: Mapping[StatusCode, int] = {
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.NOT_FOUND: 404,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.UNIMPLEMENTED: 501,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DEADLINE_EXCEEDED: 504,
    StatusCode.ALREADY_EXISTS: 400,
}
_CLIENT_ERRORS = range(400, 500)
#: Triton answers 500 to a body that is no JSON, or not of V2.
_UNREADABLE = "Unable to parse"
_NO_ID = "[request id: <id_unknown>] "
#: With these Triton tells of an exception in a model, and where in its files.
_INTERNALS = ("\n\nAt:\n", "Failed to process the request(s)")


def of_status(status: int, text: str) -> ModelError:
    """Return the error that an HTTP *status* with a *text* is here."""
    text = text.removeprefix(_NO_ID)
    kind = _KINDS.get(status)
    if kind is not None:
        return kind(text)
    if status in _CLIENT_ERRORS or text.startswith(_UNREADABLE):
        return InvalidInput(text)
    if any(each in text for each in _INTERNALS):
        return InferenceError(text)
    # What the model says on purpose, for whoever asks it.
    return UpstreamFailed(text)


def of_text(text: str) -> ModelError:
    """Return the error that a *text* in a stream is here, which has no status."""
    return of_status(500 if any(each in text for each in _INTERNALS) else 400, text)


def of_code(code: StatusCode, text: str) -> ModelError:
    """Return the error that a status of gRPC with a *text* is here."""
    return of_status(_STATUS.get(code, 500), text)


def of_body(status: int, body: bytes) -> ModelError:
    """Return the error that an HTTP *status* with a *body* is here."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        told = None
    text = told.get("error") if isinstance(told, dict) else None
    if not text:
        text = body.decode(errors="replace") or "the model's own server says no more"
    return of_status(status, str(text))
