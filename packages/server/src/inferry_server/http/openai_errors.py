"""Errors as OpenAI words them: a status, and an object under ``error``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from inferry import errors
from inferry.openai import PATHS, InvalidParameter
from inferry_server.errors import DeadlineExceeded
from inferry_server.http.exchange import Response
from inferry_server.statuses import explain

if TYPE_CHECKING:
    from collections.abc import Mapping

_FAULT = 500
#: What stands in ``code``, for programs; the rest has none.
_CODES: Mapping[type[Exception], str] = {
    errors.ModelNotFound: "model_not_found",
    errors.ModelNotReady: "model_not_ready",
    errors.Overloaded: "overloaded",
    DeadlineExceeded: "timeout",
}
_TYPES: Mapping[int, str] = {
    401: "authentication_error",
    403: "permission_error",
}


class UnknownModel(errors.ModelNotFound):
    """The body names no model of this server (HTTP 404)."""


def is_openai(path: str) -> bool:
    """Say whether who asks at *path* expects OpenAI's errors."""
    if path.startswith("/v1/"):
        return not path.startswith("/v1/models")
    return path.startswith("/openai/") or path.rstrip("/") in PATHS


def openai_error(error: Exception, where: str) -> Response:
    """Return what a client is told about *error*; *where* is for the log."""
    status, document, headers = worded(error, where)
    return Response(status, [orjson.dumps(document)], headers=(*headers,))


def openai_refusal(
    status: int, message: str, *headers: tuple[bytes, bytes]
) -> Response:
    """Return *message* as an error with *status*."""
    return Response(status, [orjson.dumps(_document(status, message))], headers=headers)


def worded(
    error: Exception, where: str
) -> tuple[int, dict[str, Any], list[tuple[bytes, bytes]]]:
    """Return the status, the document and the headers that tell of *error*."""
    status, text, headers = explain(error, where)
    param, code = None, _code(error)
    if isinstance(error, InvalidParameter):
        param, code = error.param, error.code
    elif isinstance(error, UnknownModel):
        param = "model"
    return status, _document(status, text, param, code), headers


def _document(
    status: int, text: str, param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    kind = "server_error" if status >= _FAULT else "invalid_request_error"
    return {
        "error": {
            "message": text,
            "type": _TYPES.get(status, kind),
            "param": param,
            "code": code,
        }
    }


def _code(error: Exception) -> str | None:
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return code
    return None
