"""uvicorn's HTTP/1.1 protocol with the limits that it lacks.

It takes heads of any size, and a connection that never finishes its first head may stay
for ever. Its errors are plain text where our clients read ``{"error": ...}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

    from inferry_server.settings import ServerSettings

_BAD_REQUEST = 400
_HEAD_TOO_LARGE = 431
_SEPARATORS = 4  # ": " and the end of the line, which the parser does not report


class _HeadTooLarge(Exception):
    pass


class LimitedProtocol(HttpToolsProtocol):
    """One connection; `limited_protocol` makes a class of it with its limits."""

    max_head: ClassVar[int]
    patience: ClassVar[float]

    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(  # type: ignore[override]  # as uvicorn itself has it
        self, transport: asyncio.Transport
    ) -> None:
        """Start the clock for the first head."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(self.patience, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_timer()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to count the next head."""
        self._head_bytes = 0
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
        self._stop_timer()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Say why the request cannot be read, and close."""
        status = _BAD_REQUEST
        if self._head_bytes > self.max_head:
            status = _HEAD_TOO_LARGE
            msg = f"the request's head is over the limit of {self.max_head} bytes"
        body = orjson.dumps({"error": msg})
        head = b"content-type: application/json\r\nconnection: close\r\n"
        length = b"content-length: %d\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + length + body)
        self.transport.close()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self.max_head:
            raise _HeadTooLarge

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def limited_protocol(settings: ServerSettings) -> type[LimitedProtocol]:
    """Return the protocol class with the limits of *settings*."""

    class Limited(LimitedProtocol):
        max_head = settings.max_header_bytes
        patience = settings.read_timeout

    return Limited
