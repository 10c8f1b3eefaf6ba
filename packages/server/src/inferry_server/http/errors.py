"""Exceptions as responses: ``{"error": ...}`` and the right status."""

from __future__ import annotations

import orjson

from inferry_server.http.exchange import Response
from inferry_server.statuses import explain


def error_response(error: Exception, where: str) -> Response:
    """Return what a client is told about *error*; *where* is for the log."""
    status, text, headers = explain(error, where)
    return refusal(status, text, *headers)


def refusal(status: int, message: str, *headers: tuple[bytes, bytes]) -> Response:
    """Return ``{"error": message}`` with *status*."""
    return Response(status, [orjson.dumps({"error": message})], headers=headers)
