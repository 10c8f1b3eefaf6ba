"""Exceptions as gRPC statuses: the same texts as over HTTP, no internals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpc import StatusCode

from inferry_server.http.errors import explain

if TYPE_CHECKING:
    from collections.abc import Mapping

#: HTTP status -> gRPC status. An overloaded server is UNAVAILABLE, as Triton's is: the
#: call that failed may simply be made again.
CODES: Mapping[int, StatusCode] = {
    400: StatusCode.INVALID_ARGUMENT,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.NOT_FOUND,
    408: StatusCode.DEADLINE_EXCEEDED,
    413: StatusCode.RESOURCE_EXHAUSTED,
    499: StatusCode.CANCELLED,
    500: StatusCode.INTERNAL,
    501: StatusCode.UNIMPLEMENTED,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.DEADLINE_EXCEEDED,
}


def status_of(error: Exception, where: str) -> tuple[int, StatusCode, str]:
    """Return the HTTP status of *error*, its code and what a client is told."""
    status, text, _ = explain(error, where)
    return status, CODES.get(status, StatusCode.INTERNAL), text
