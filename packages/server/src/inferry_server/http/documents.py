"""Small JSON documents in and out, for the routes that do not infer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from inferry.errors import InvalidInput
from inferry_server.codec.json_errors import readable
from inferry_server.http.exchange import Response

if TYPE_CHECKING:
    from inferry_server.http.exchange import Request
    from inferry_server.settings import ServerSettings


#: A load may bring files along; reading megabytes takes milliseconds.
_LARGE = 256 * 1024


def document(content: object, status: int = 200) -> Response:
    """Return *content* as a response."""
    return Response(status, [orjson.dumps(content)])


async def read_object(request: Request, settings: ServerSettings) -> dict[str, Any]:
    """Read the body of *request* as a JSON object; an empty one is an empty object.

    Raises:
        InvalidInput: It is none.

    """
    body = await request.body(settings.max_body_bytes, settings.read_timeout)
    if len(body) <= _LARGE:
        return _object(body)
    return await asyncio.to_thread(_object, body)


def _object(body: memoryview) -> dict[str, Any]:
    if not bytes(body[:64]).strip() and not bytes(body).strip():
        return {}
    try:
        content = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(readable(error, bytes(body[:64]))) from None
    if not isinstance(content, dict):
        raise InvalidInput("the body is not a JSON object")
    return content


def read_parameters(content: dict[str, Any]) -> dict[str, Any]:
    """Return the ``parameters`` of *content*, where it has any.

    Raises:
        InvalidInput: They are no object.

    """
    parameters = content.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise InvalidInput("'parameters' is not a JSON object")
    return parameters
