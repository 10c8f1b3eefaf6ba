"""uvicorn's HTTP/1.1 protocol with the limits that it lacks.

It takes heads of any size and any number of connections, and one that never finishes a
head may stay for ever. Its errors are plain text where our clients read
``{"error": ...}``.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, ClassVar

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

    from inferry_server.settings import ServerSettings

_BAD_REQUEST = 400
_HEAD_TOO_LARGE = 431
_UNAVAILABLE = 503
_SEPARATORS = 4  # ": " and the end of the line, which the parser does not report

_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_HEAD_SEARCHED = 8192


class _HeadTooLarge(Exception):
    pass


def without_upgrade(data: bytes) -> bytes:
    """Return *data*, which begins in a head, with no wish to change the protocol.

    Clients that speak HTTP/2 ask for it with their first request. The parser would stop
    there and lose the body, but HTTP/1.1 lets a server ignore such a wish.
    """
    if data.find(b"pgrade:", 0, _HEAD_SEARCHED) < 0:
        return data
    end = data.find(b"\r\n\r\n")
    head = data if end < 0 else data[:end]
    return _UPGRADE.sub(b"\r\nx-upgrade:", head) + data[len(head) :]


class LimitedProtocol(HttpToolsProtocol):
    """One connection; a subclass made by `limits` has the limits of a server."""

    max_head: ClassVar[int]
    max_connections: ClassVar[int]
    patience: ClassVar[float]

    _head_bytes = 0
    _in_head = False
    _unparsed = 0
    #: When to give up on the client, a time of the loop; `sweep` looks at it.
    due = math.inf

    def connection_made(  # type: ignore[override]  # as uvicorn itself has it
        self, transport: asyncio.Transport
    ) -> None:
        """Start the clock for the first head."""
        super().connection_made(transport)
        self.due = self.loop.time() + self.patience
        if len(self.connections) > self.max_connections:
            self._refuse(
                _UNAVAILABLE,
                f"the server has {self.max_connections} connections already; try again",
            )

    def sweep(self, now: float) -> None:
        """Close the connection if its time is over."""
        if now > self.due and not self.transport.is_closing():
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Parse, and bound what the parser keeps of a line that does not end."""
        in_body = self.cycle is not None and self.cycle.more_body
        super().data_received(data if in_body else without_upgrade(data))
        self.bound_head(len(data))

    def bound_head(self, size: int) -> None:
        """Count *size* bytes that arrived, if the head is not complete with them."""
        self._unparsed = self._unparsed + size if self._in_head else 0
        if self._unparsed > self.max_head and not self.transport.is_closing():
            self._head_bytes = self._unparsed
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """Begin to count the next head."""
        self._in_head = True
        self._head_bytes = 0
        self.due = self.loop.time() + self.patience
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count a piece of the url."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value) + _SEPARATORS)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Stop the clock: the head is there."""
        self._in_head = False
        self.due = math.inf
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Say why the request cannot be read, and close."""
        if self._head_bytes > self.max_head:
            msg = (
                f"the request's head is over the limit of {self.max_head} bytes; send "
                "fewer or shorter headers, or raise max_header_bytes of the server"
            )
            self._refuse(_HEAD_TOO_LARGE, msg)
        else:
            self._refuse(_BAD_REQUEST, msg)

    def _refuse(self, status: int, message: str) -> None:
        body = orjson.dumps({"error": message})
        head = b"content-type: application/json\r\nconnection: close\r\n"
        length = b"content-length: %d\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + length + body)
        self.transport.close()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self.max_head:
            raise _HeadTooLarge


def limits(settings: ServerSettings) -> dict[str, float]:
    """Return the class attributes that the limits of *settings* are."""
    return {
        "max_head": settings.max_header_bytes,
        "max_connections": settings.max_connections,
        "patience": settings.read_timeout,
    }


def limited_protocol(settings: ServerSettings) -> type[LimitedProtocol]:
    """Return the protocol class with the limits of *settings*."""
    return type("Limited", (LimitedProtocol,), limits(settings))
