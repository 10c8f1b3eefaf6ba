"""Exceptions as gRPC statuses: the same texts as over HTTP, no internals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from grpc import StatusCode

from inferry_server.statuses import explain

if TYPE_CHECKING:
    from collections.abc import Mapping

#: HTTP status -> gRPC status. An overloaded server is UNAVAILABLE, as Triton's is: the
#: call that failed may simply be made again.
CODES: Mapping[int, StatusCode] = {
    400: StatusCode.INVALID_ARGUMENT,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.NOT_FOUND,
    405: StatusCode.UNIMPLEMENTED,
    408: StatusCode.DEADLINE_EXCEEDED,
    409: StatusCode.ALREADY_EXISTS,
    413: StatusCode.RESOURCE_EXHAUSTED,
    499: StatusCode.CANCELLED,
    500: StatusCode.INTERNAL,
    501: StatusCode.UNIMPLEMENTED,
    502: StatusCode.UNAVAILABLE,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.DEADLINE_EXCEEDED,
}
#: Clients take 8 KiB of metadata by default, and the text travels there in quotes.
_LONGEST = 4096
_RETRY = "retry-after"


def status_of(error: Exception, where: str) -> tuple[int, StatusCode, str]:
    """Return the HTTP status of *error*, its code and what a client is told."""
    status, text, _ = explain(error, where)
    return status, CODES.get(status, StatusCode.INTERNAL), fitting(text)


def refuse(
    context: Any,  # noqa: ANN401 - grpc's
    error: Exception,
    where: str,
    metadata: tuple[tuple[str, str], ...] = (),
) -> int:
    """Make *error* the end of the call of *context*; return the HTTP status of it.

    *metadata* goes along with it.
    """
    status, text, headers = explain(error, where)
    context.set_code(CODES.get(status, StatusCode.INTERNAL))
    context.set_details(fitting(text))
    for name, value in headers:
        if name == _RETRY.encode():
            metadata = (*metadata, (_RETRY, value.decode()))
    if metadata:
        context.set_trailing_metadata(metadata)
    return status


def fitting(text: str) -> str:
    """Return as much of *text* as fits into the metadata of an answer."""
    text = text.encode(errors="replace").decode()
    while len(quote(text, safe=" ")) > _LONGEST:
        text = text[: len(text) * 3 // 4] + "..."
    return text
