"""uvicorn's HTTP/1.1 protocol with the limits that it lacks.

It takes heads of any size and any number of connections, and one that never finishes a
head may stay for ever. Its errors are plain text where our clients read
``{"error": ...}``.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, ClassVar

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from inferry_server.http.unreadable import Unreadable

if TYPE_CHECKING:
    import asyncio

    from inferry_server.settings import ServerSettings

_BAD_REQUEST = 400
_HEAD_TOO_LARGE = 431
_NOT_IMPLEMENTED = 501
_UNAVAILABLE = 503
_SEPARATORS = 4  # ": " and the end of the line, which the parser does not report

_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_HEAD_SEARCHED = 8192
#: Seconds that an answer may still take once its client sends no more.
_GRACE = 0.05


class _HeadTooLarge(Exception):
    pass


class _Refused(Exception):
    """The head can be parsed, but it must not be believed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


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
    unreadable: ClassVar[Unreadable]

    _head_bytes = 0
    _in_head = False
    _unparsed = 0
    _unsent = 0
    _unsent_since = math.inf
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
        """Close the connection if its time is over, or if its client reads nothing."""
        if now > self.due and not self.transport.is_closing():
            self.transport.close()
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent != self._unsent:
            self._unsent, self._unsent_since = unsent, now
        elif now > self._unsent_since + self.patience:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse, and bound what the parser keeps of a line that does not end."""
        self._unset_keepalive_if_required()
        in_body = self.cycle is not None and self.cycle.more_body
        self.feed(data if in_body else without_upgrade(data))
        self.bound_head(len(data))

    def feed(self, data: bytes) -> None:
        """Give *data* to the parser, and refuse what it cannot read."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            refused = error.__context__
            if isinstance(refused, _Refused):
                self.refuse(refused.status, str(refused))
            else:
                self.send_400_response(self.unreadable.why(data))
        except httptools.HttpParserError:
            self.send_400_response(self.unreadable.why(data))
        except httptools.HttpParserUpgrade:
            pass  # there is nothing to upgrade to: the client goes on or leaves

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn has it None
        """Answer what can be answered at once to a client that sends no more.

        Nobody can tell whether it still reads. So the rest is dropped, as nginx drops
        what waits for an upstream.
        """
        cycle = self.cycle
        if cycle is None or cycle.more_body or cycle.response_complete:
            return False
        cycle.keep_alive = False
        self.loop.call_later(_GRACE, self.transport.close)
        return True

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
        """Count a header; what follows a body must not pass for one."""
        self._count(len(name) + len(value) + _SEPARATORS)
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Stop the clock: the head is there."""
        self._in_head = False
        self.due = math.inf
        self.check_head()
        super().on_headers_complete()

    def check_head(self) -> None:
        """Refuse a head that another server may read in another way."""
        hosts = 0
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
            elif name == b"transfer-encoding" and value.lower() != b"chunked":
                text = "a Transfer-Encoding other than chunked is not supported"
                raise _Refused(_NOT_IMPLEMENTED, text)
        if hosts != 1 and (hosts or self.parser.get_http_version() == "1.1"):
            text = f"the request has {hosts} Host headers, expected one"
            raise _Refused(_BAD_REQUEST, text)

    def send_400_response(self, msg: str) -> None:
        """Say why the request cannot be read, and close."""
        if self._head_bytes > self.max_head:
            msg = (
                f"the request's head is over the limit of {self.max_head} bytes; send "
                "fewer or shorter headers, or raise max_header_bytes of the server"
            )
            self.refuse(_HEAD_TOO_LARGE, msg)
        else:
            self.refuse(_BAD_REQUEST, msg)

    def refuse(self, status: int, message: str) -> None:
        """Answer what cannot be read, and close after the answers that come before."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self._refuse(status, message)
        elif not cycle.more_body:
            cycle.keep_alive = False
            self.flow.pause_reading()
        elif self.pipeline or cycle.response_started:
            self.transport.close()
        else:
            self._refuse(status, message)

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


def limits(settings: ServerSettings) -> dict[str, float | Unreadable]:
    """Return the class attributes that the limits of *settings* are."""
    return {
        "max_head": settings.max_header_bytes,
        "max_connections": settings.max_connections,
        "patience": settings.read_timeout,
        "unreadable": Unreadable(),
    }


def limited_protocol(settings: ServerSettings) -> type[LimitedProtocol]:
    """Return the protocol class with the limits of *settings*."""
    return type("Limited", (LimitedProtocol,), limits(settings))
