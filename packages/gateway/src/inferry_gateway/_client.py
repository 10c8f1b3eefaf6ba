"""One client connection: parses requests, keeps their answers in order, times it."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import TYPE_CHECKING, Any, cast

import httptools

from inferry_gateway._answers import Refusal
from inferry_gateway._exchange import Exchange, too_large
from inferry_gateway._head import read_request, without_upgrade

if TYPE_CHECKING:
    from inferry_gateway._gateway import Gateway

_MAX_PIPELINED = 128
_LINGER_SECONDS = 2.0
# A body may stall, but on average it has to come at this rate.
_MIN_BYTES_PER_SECOND = 1024
# Chunk sizes and extensions may take this much beside the data they frame.
_CHUNK_OVERHEAD = 64 * 1024
_CHUNK_OVERHEAD_RATIO = 16
# HTTP/2: an empty SETTINGS frame, then GOAWAY with the code HTTP_1_1_REQUIRED.
_H2_PREFACE = b"PRI * HTTP/2"
_H2_TEXT = b"this gateway speaks HTTP/1.1 only"
_H2_GOODBYE = (
    b"\0\0\0\x04\0\0\0\0\0"
    + (8 + len(_H2_TEXT)).to_bytes(3, "big")
    + b"\x07\0\0\0\0\0"
    + b"\0\0\0\0\0\0\0\x0d"
    + _H2_TEXT
)


class Client(asyncio.Protocol):
    """The protocol of one client connection."""

    __slots__ = (
        "_advancing",
        "_body_since",
        "_broken",
        "_current",
        "_fed",
        "_headers",
        "_heard",
        "_idle_since",
        "_in_head",
        "_lingering",
        "_parser",
        "_paused",
        "_queue",
        "_reading",
        "_received_before",
        "_size",
        "_url",
        "gateway",
        "peer",
        "read_deadline",
        "transport",
        "write_deadline",
        "write_paused",
    )

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.transport = cast("asyncio.Transport", None)
        self.peer = b""
        self.write_paused = False
        self.read_deadline = self.write_deadline = math.inf
        self._parser: Any = httptools.HttpRequestParser(self)
        self._queue: deque[Exchange] = deque()
        self._current: Exchange | None = None
        self._reading: Exchange | None = None
        self._broken: Refusal | None = None
        self._advancing = self._lingering = self._paused = False
        self._in_head = self._heard = False
        self._headers: list[tuple[bytes, bytes]] = []
        self._url = b""
        self._size = self._fed = 0
        self._idle_since = self._body_since = 0.0
        self._received_before = 0

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register, or refuse when there are too many."""
        self.transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.peer = str(peer[0]).encode() if isinstance(peer, tuple) else b"unknown"
        self._idle_since = self.gateway.now()
        refusal = self.gateway.admit(self)
        if refusal is not None:
            self._broken = refusal
            self._advance()
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop what the client no longer waits for."""
        self.gateway.forget(self)
        self._parser = None
        self.read_deadline = self.write_deadline = math.inf
        current, self._current = self._current, None
        self._queue.clear()
        if current is not None:
            current.abandon()

    def data_received(self, data: bytes) -> None:
        """Parse what came and act on it."""
        if self._lingering or self._broken is not None:
            return
        if not self._heard:
            self._heard = True
            if data.startswith(_H2_PREFACE):
                self._refuse_http2()
                return
        self._feed(data)
        if self._current is not None:
            self._current.flush()
        self._advance()
        self.update_reading()

    def pause_writing(self) -> None:
        """Stop reading the answer: the client does not keep up."""
        self.write_paused = True
        self.write_deadline = self.gateway.now() + self.gateway.settings.write_timeout
        current = self._current
        if current is not None and current.upstream is not None:
            current.upstream.pause_reading()
            current.progress()

    def resume_writing(self) -> None:
        """Read the answer again."""
        self.write_paused = False
        self.write_deadline = math.inf
        current = self._current
        if current is not None and current.upstream is not None:
            current.upstream.resume_reading()
            current.progress()
        self._advance()
        self.update_reading()

    # What the exchange and the gateway do

    @property
    def exchange(self) -> Exchange | None:
        """The request that is being answered."""
        return self._current

    @property
    def idle(self) -> bool:
        """Whether no request is under way."""
        return self._current is None and not self._queue and not self._in_head

    def write(self, data: list[bytes]) -> None:
        """Write to the client, unless it is gone."""
        if not self.transport.is_closing():
            self.transport.writelines(data)

    def exchange_over(self, exchange: Exchange, *, keep: bool) -> None:
        """Go on with the next request, or close."""
        if exchange is not self._current:
            return
        self._current = None
        self._idle_since = self.gateway.now()
        if not keep:
            self._close(unread=not exchange.request_done)
            return
        self._advance()
        self.update_reading()

    def truncate(self) -> None:
        """Cut an answer that cannot be finished, so that the client notices."""
        self._current = None
        self._queue.clear()
        self.transport.abort()

    def close(self) -> None:
        """Close after what was written."""
        self._close(unread=False)

    def update_reading(self) -> None:
        """Read from the socket only what can be passed on or must be noticed."""
        current = self._current
        pause = bool(self._queue) or (current is not None and not current.takes_body)
        if pause != self._paused and not self.transport.is_closing():
            self._paused = pause
            if pause:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()
                self._body_since = self.gateway.now()
                self._received_before = current.received if current else 0
        self._set_deadline()

    def expire(self) -> None:
        """Act on the deadline that passed."""
        now = self.gateway.now()
        if self.write_deadline <= now or self._lingering:
            self.transport.abort()
        elif self._current is not None:
            text = "the request body did not arrive in time; send it faster"
            self._current.fail(Refusal(408, text))
        elif self._in_head:
            self._broken = Refusal(408, "the request head did not arrive in time")
            self._advance()
        else:
            self.close()

    # Parsing

    def _feed(self, data: bytes) -> None:
        self._fed = len(data)
        before = self._reading.received if self._reading else 0
        was_in_head = self._in_head
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError as error:
            self._break(error)
            return
        if self._in_head:
            # A field that is not complete was not counted by on_header.
            self._size += len(data) if was_in_head else 0
            if self._size > 2 * self.gateway.settings.max_header_bytes:
                self._break(self._head_too_large())
        elif self._reading is not None and self._reading.head.chunked:
            self._size += len(data) - (self._reading.received - before)
            allowed = _CHUNK_OVERHEAD + _CHUNK_OVERHEAD_RATIO * self._reading.received
            if self._size > allowed:
                self._break(Refusal(400, "the chunked body holds too little data"))

    def _break(self, error: Exception) -> None:
        """Stop parsing for good; the error is answered in its turn."""
        cause = error if isinstance(error, Refusal) else error.__context__
        if isinstance(cause, Refusal):
            refusal = cause
        elif self._last_closes():
            return  # what follows "Connection: close" is nobody's
        else:
            refusal = Refusal(400, f"the request is not valid HTTP/1.1: {error}")
        self._in_head = False
        self._broken = refusal
        exchange, self._reading = self._reading, None
        if exchange is None:
            return
        if exchange is self._current:
            exchange.fail(refusal)
        else:
            exchange.refusal = refusal

    def _last_closes(self) -> bool:
        last = self._queue[-1] if self._queue else self._current
        if last is None:
            return False
        return last.request_done and not last.head.keep_alive

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Go on in HTTP/1.1 with a request that offered h2c, as RFC 9110 7.8 allows."""
        method = self._parser.get_method()
        offers = [v for n, v in self._headers if n.lower() == b"upgrade"]
        if method == b"CONNECT" or offers != [b"h2c"]:
            what = "CONNECT" if method == b"CONNECT" else "Upgrade"
            self._break(Refusal(501, f"{what} is not served here; use plain HTTP/1.1"))
            return
        head = without_upgrade(method, self._url, self._headers)
        self._parser = httptools.HttpRequestParser(self)
        self._feed(head + rest)

    def _head_too_large(self) -> Refusal:
        limits = self.gateway.settings
        return Refusal(
            431,
            f"the request head is larger than {limits.max_header_bytes} bytes or "
            f"{limits.max_headers} fields; send fewer or shorter headers",
        )

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._reading = None
        self._in_head = True
        self._url = b""
        self._headers = []
        self._size = 0
        if len(self._queue) >= _MAX_PIPELINED:
            raise Refusal(429, f"more than {_MAX_PIPELINED} requests are pipelined")
        if self._current is None and not self._queue:
            self._idle_since = self.gateway.now()

    def on_url(self, url: bytes) -> None:
        """Collect the request target."""
        self._url += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a field; trailers are dropped."""
        if self._in_head:
            self._headers.append((name, value))
            self._count(len(name) + len(value) + 4)

    def _count(self, size: int) -> None:
        limits = self.gateway.settings
        self._size += size
        if (
            self._size > limits.max_header_bytes
            or len(self._headers) > limits.max_headers
        ):
            raise self._head_too_large()

    def on_headers_complete(self) -> None:
        """Check the head and queue the request."""
        parser = self._parser
        if parser.should_upgrade():
            return
        self._in_head = False
        self._size = 0
        head = read_request(
            parser.get_method(),
            self._url,
            parser.get_http_version(),
            self._headers,
            keep_alive=parser.should_keep_alive(),
        )
        limit = self.gateway.settings.max_body_bytes
        exchange = Exchange(self, head)
        self._reading = exchange
        self._received_before = 0
        self._body_since = exchange.arrived
        self._queue.append(exchange)
        if head.length is not None and head.length > limit:
            raise too_large(limit)

    def on_body(self, data: bytes) -> None:
        """Hand a piece of the body on."""
        if self._reading is not None:
            self._reading.body(data)

    def on_message_complete(self) -> None:
        """Mark the request as whole."""
        if self._reading is not None:
            self._reading.request_done = True
            self._reading = None

    # Order and end

    def _advance(self) -> None:
        """Begin the next request whose turn it is."""
        if self._advancing:
            return
        self._advancing = True
        while self._current is None and self._queue and not self.write_paused:
            if self._lingering or self.transport.is_closing():
                break
            self._current = self._queue.popleft()
            self._current.begin()
        self._advancing = False
        if self._current is None and not self._queue and self._broken is not None:
            self._answer_broken(self._broken)

    def _answer_broken(self, refusal: Refusal) -> None:
        if self._lingering or self.transport.is_closing():
            return
        self.gateway.record(None, "", refusal.status)
        self.write([refusal.answer.encode(method=b"", keep_alive=False)])
        self._close(unread=True)

    def _refuse_http2(self) -> None:
        self.write([_H2_GOODBYE])
        self._close(unread=True)

    def _close(self, *, unread: bool) -> None:
        """Close; with unread data only after a while, or a reset would eat the answer."""
        self._queue.clear()
        if self.transport.is_closing():
            return
        self._lingering = True
        unsent = self.transport.get_write_buffer_size() > 0
        linger = self.gateway.settings.write_timeout if unsent else _LINGER_SECONDS
        self.read_deadline = self.gateway.now() + linger
        if not unread:
            self.transport.close()
            return
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        self.transport.write_eof()

    def _set_deadline(self) -> None:
        """Set until when the client has to send something."""
        if self._lingering:
            return
        limits = self.gateway.settings
        current = self._current
        if current is None and not self._queue:
            began = self._in_head or not self._heard
            wait = limits.header_timeout if began else limits.idle_timeout
            self.read_deadline = self._idle_since + wait
        elif current is None or current.request_done or self._paused:
            self.read_deadline = math.inf
        else:
            got = current.received - self._received_before
            earned = got / _MIN_BYTES_PER_SECOND
            self.read_deadline = self._body_since + limits.body_timeout + earned
