"""uvicorn's HTTP/1.1 protocol with the limits that it lacks.

It takes heads of any size, and a connection that never finishes its first head may stay
for ever. Its errors are plain text where our clients read ``{"error": ...}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

    from inferry_server.settings import ServerSettings


class _HeadTooLarge(Exception):
    pass


def limited_protocol(settings: ServerSettings) -> type[HttpToolsProtocol]:
    """Return the protocol class with the limits of *settings*."""
    limit = settings.max_header_bytes
    patience = settings.read_timeout

    class LimitedProtocol(HttpToolsProtocol):
        _head_bytes = 0
        _head_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._head_timer = self.loop.call_later(patience, transport.close)

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_timer()
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            self._head_bytes = 0
            super().on_message_begin()

        def on_url(self, url: bytes) -> None:
            self._count(len(url))
            super().on_url(url)

        def on_header(self, name: bytes, value: bytes) -> None:
            self._count(len(name) + len(value) + 4)
            super().on_header(name, value)

        def on_headers_complete(self) -> None:
            self._stop_timer()
            super().on_headers_complete()

        def send_400_response(self, msg: str) -> None:
            status = 431 if self._head_bytes > limit else 400
            if status == 431:  # noqa: PLR2004 - HTTP
                msg = f"the request's head is over the limit of {limit} bytes"
            body = orjson.dumps({"error": msg})
            head = b"content-type: application/json\r\nconnection: close\r\n"
            length = b"content-length: %d\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[status] + head + length + body)
            self.transport.close()

        def _count(self, size: int) -> None:
            self._head_bytes += size
            if self._head_bytes > limit:
                raise _HeadTooLarge

        def _stop_timer(self) -> None:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None

    return LimitedProtocol
