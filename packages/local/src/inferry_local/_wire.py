"""The little HTTP/1.1 that the control socket speaks: one request per connection.

Answers end with the connection. A stream is one JSON object per line; its last line is
``{"end": true}``, so that a broken stream is never taken for a finished one.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_HEAD = 16 * 1024
MAX_BODY = 16 * 1024 * 1024
#: The longest line of a stream: a service's whole status.
MAX_LINE = 4 * 1024 * 1024
END = {"end": True}
_SECONDS = 10.0


class BadMessage(Exception):
    """The other side does not speak this protocol, or says too much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request: ``path`` is split and unquoted, ``body`` is JSON or None."""

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Read one request within limits of size and time.

    Raises:
        BadMessage: It is none, or too large, or too slow.

    """
    try:
        async with asyncio.timeout(_SECONDS):
            first, headers = await _read_head(reader)
            method, target, _version = first.split(" ", 2)
            body = await _read_body(reader, headers)
    except (TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
        raise BadMessage(str(error)) from None
    parts = urlsplit(target)
    return Request(
        method=method,
        path=tuple(unquote(part) for part in parts.path.split("/") if part),
        query=dict(parse_qsl(parts.query)),
        body=body,
    )


def request_bytes(method: str, target: str, body: object = None) -> bytes:
    """Write one request."""
    content = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{method} {target} HTTP/1.1\r\nHost: inferry\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def read_status(reader: asyncio.StreamReader) -> int:
    """Read the head of an answer and return its status.

    Raises:
        BadMessage: It is no HTTP.

    """
    try:
        first, _headers = await _read_head(reader)
        return int(first.split(" ", 2)[1])
    except (ValueError, IndexError, asyncio.IncompleteReadError) as error:
        raise BadMessage(str(error)) from None


def head_bytes(status: int, *, stream: bool = False) -> bytes:
    """Write the head of an answer, whose body ends with the connection."""
    kind = "application/x-ndjson" if stream else "application/json"
    phrase = HTTPStatus(status).phrase
    return (
        f"HTTP/1.1 {status} {phrase}\r\nContent-Type: {kind}\r\n"
        "Connection: close\r\n\r\n"
    ).encode()


async def _read_head(
    reader: asyncio.StreamReader,
) -> tuple[str, dict[str, str]]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise BadMessage(str(error)) from None
    if len(head) > MAX_HEAD:
        msg = "the head of the request is too large"
        raise BadMessage(msg)
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    headers = {}
    for line in lines:
        name, _colon, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return first, headers


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
    if "transfer-encoding" in headers:
        msg = "a request here needs Content-Length"
        raise BadMessage(msg)
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= MAX_BODY:
        msg = f"a request may have {MAX_BODY} bytes, not {length}"
        raise BadMessage(msg)
    return json.loads(await reader.readexactly(length)) if length else None
