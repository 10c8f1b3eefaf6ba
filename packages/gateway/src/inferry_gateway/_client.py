"""One client connection: parses requests, keeps their answers in order, times it."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import TYPE_CHECKING, cast

from inferry_gateway._answers import Refusal
from inferry_gateway._exchange import Exchange
from inferry_gateway._http2.frames import PREFACE
from inferry_gateway._http2.tunnel import Tunnel
from inferry_gateway._reader import RequestReader
from inferry_gateway._refusals import too_large

if TYPE_CHECKING:
    from inferry_gateway._gateway import Gateway
    from inferry_gateway._head import RequestHead

_MAX_PIPELINED = 128
_LINGER_SECONDS = 2.0
# A body may stall, but on average it has to come at this rate.
_MIN_BYTES_PER_SECOND = 1024


class Client(asyncio.Protocol):
    """The protocol of one client connection."""

    __slots__ = (
        "_advancing",
        "_body_since",
        "_broken",
        "_current",
        "_heard",
        "_idle_since",
        "_lingering",
        "_paused",
        "_preface",
        "_queue",
        "_reader",
        "_received_before",
        "_tunnel",
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
        self._reader = RequestReader(gateway.settings, self._on_head)
        self._queue: deque[Exchange] = deque()
        self._current: Exchange | None = None
        self._broken: Refusal | None = None
        self._advancing = self._lingering = self._paused = False
        self._heard = False
        self._preface = b""
        self._tunnel: Tunnel | None = None
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

    def connection_lost(self, _exc: Exception | None) -> None:
        """Stop what the client no longer waits for."""
        self.gateway.forget(self)
        self._reader.close()
        self.read_deadline = self.write_deadline = math.inf
        current, self._current = self._current, None
        self._queue.clear()
        if current is not None:
            current.abandon()
        if self._tunnel is not None:
            self._tunnel.close()

    def data_received(self, data: bytes) -> None:
        """Parse what came and act on it."""
        if self._lingering or self._broken is not None:
            return
        if self._tunnel is not None:
            self._tunnel.feed(data)
            return
        if not self._heard:
            data = self._preface + data
            if PREFACE.startswith(data[: len(PREFACE)]):
                self._hear_http2(data)
                return
            self._heard = True
        self._read(data)
        if self._current is not None:
            self._current.flush()
        self._advance()
        self.update_reading()

    def pause_writing(self) -> None:
        """Stop reading the answer: the client does not keep up."""
        self.write_paused = True
        self.write_deadline = self.gateway.now() + self.gateway.settings.write_timeout
        if self._tunnel is not None:
            self._tunnel.pause_answers()
        current = self._current
        if current is not None and current.upstream is not None:
            current.upstream.pause_reading()
            current.progress()

    def resume_writing(self) -> None:
        """Read the answer again."""
        self.write_paused = False
        self.write_deadline = math.inf
        if self._tunnel is not None:
            self._tunnel.resume_answers()
            return
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
        if self._tunnel is not None:
            return self._tunnel.closed
        return self._current is None and not self._queue and not self._reader.in_head

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
        elif self._reader.in_head:
            self._broken = Refusal(408, "the request head did not arrive in time")
            self._advance()
        else:
            self.close()

    # Reading

    def _on_head(self, head: RequestHead) -> Exchange:
        if len(self._queue) >= _MAX_PIPELINED:
            raise Refusal(429, f"more than {_MAX_PIPELINED} requests are pipelined")
        exchange = Exchange(self, head)
        self._received_before = 0
        self._body_since = exchange.arrived
        self._queue.append(exchange)
        limit = self.gateway.settings.max_body_bytes
        if head.length is not None and head.length > limit:
            exchange.refusal = too_large(limit)
            raise exchange.refusal
        return exchange

    def _read(self, data: bytes) -> None:
        was_in_head = self._reader.in_head
        try:
            self._reader.feed(data)
        except Refusal as refusal:
            self._break(refusal)
        if self._reader.in_head and not was_in_head and self._current is None:
            self._idle_since = self.gateway.now()

    def _break(self, refusal: Refusal) -> None:
        """Read no more; the error is answered in its turn."""
        self._broken = refusal
        exchange = self._queue[-1] if self._queue else self._current
        if exchange is None or exchange.request_done:
            return
        exchange.refusal = refusal
        if exchange is self._current:
            exchange.fail(refusal)

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

    def _hear_http2(self, data: bytes) -> None:
        """Carry the connection to the gRPC server once its preface is complete."""
        self._preface = data
        if len(data) < len(PREFACE):
            return
        self._heard = True
        self._preface = b""
        self.read_deadline = math.inf
        gateway = self.gateway
        self._tunnel = Tunnel(self.transport, peer=self.peer, settings=gateway.settings)
        gateway.spawn(self._tunnel.open(gateway.grpc_socket))
        self._tunnel.feed(data[len(PREFACE) :])

    def _close(self, *, unread: bool) -> None:
        """Close; with unread data after a while, or a reset would eat the answer."""
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
            began = self._reader.in_head or not self._heard
            wait = limits.header_timeout if began else limits.idle_timeout
            self.read_deadline = self._idle_since + wait
        elif current is None or current.request_done or self._paused:
            self.read_deadline = math.inf
        else:
            got = current.received - self._received_before
            earned = got / _MIN_BYTES_PER_SECOND
            self.read_deadline = self._body_since + limits.body_timeout + earned
