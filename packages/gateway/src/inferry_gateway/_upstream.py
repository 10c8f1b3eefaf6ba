"""One connection to a replica: writes a request, parses the answer, goes back idle."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import httptools

from inferry_gateway._head import LAST_CHUNK, chunk, read_response

if TYPE_CHECKING:
    from inferry_gateway._balancing import Replica
    from inferry_gateway._exchange import Exchange

_MAX_HEAD = 64 * 1024
_MAX_HEADERS = 256
_SWITCHING = 101
_FIRST_FINAL = 200


class _HeadOnly(Exception):
    """Raised in the parser to stop it: the answer to HEAD has no body to parse."""


class Upstream(asyncio.Protocol):
    """A connection to one replica; ``exchange`` is the request it works for, if any."""

    __slots__ = (
        "_chunked",
        "_done",
        "_fields",
        "_head_bytes",
        "_interim",
        "_keep",
        "_out",
        "_parser",
        "_reason",
        "_started",
        "_until_close",
        "exchange",
        "idle_since",
        "received",
        "replica",
        "reused",
        "transport",
        "write_paused",
    )

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.transport = cast("asyncio.Transport", None)
        self.exchange: Exchange | None = None
        self.reused = False
        self.received = False
        self.write_paused = False
        self.idle_since = 0.0
        self._parser: Any = httptools.HttpResponseParser(self)
        self._reset()

    def _reset(self) -> None:
        self._fields: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._reason = b""
        self._out: list[bytes] = []
        self._started = self._done = self._interim = False
        self._keep = self._chunked = self._until_close = False

    @property
    def usable(self) -> bool:
        """Whether a request can be written to it."""
        return not self.transport.is_closing()

    def start(self, exchange: Exchange, data: list[bytes]) -> None:
        """Send the beginning of a request."""
        self.exchange = exchange
        self.received = False
        self._reset()
        self.send(data)

    def send(self, data: list[bytes]) -> None:
        """Send more of a request; a connection that is lost says so by itself."""
        if data and self.usable:
            self.transport.writelines(data)

    def close(self) -> None:
        """Close the connection at once; the replica sees that nobody listens."""
        self.exchange = None
        if not self.transport.is_closing():
            self.transport.abort()

    def rest(self, now: float) -> None:
        """Go back to the replica's idle connections, or close if that is not safe."""
        clean = self._done and self._keep and self.usable and not self.write_paused
        if not clean or self.replica.removed:
            self.close()
            return
        self.resume_reading()
        self.exchange = None
        self.reused = True
        self.idle_since = now
        self.replica.idle.append(self)

    def pause_reading(self) -> None:
        """Let the replica wait: the client does not keep up."""
        if self.usable:
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read the answer again."""
        if self.usable and not self.transport.is_reading():
            self.transport.resume_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the exchange; an answer without length ends here."""
        self._parser = None
        exchange, self.exchange = self.exchange, None
        if exchange is None:
            if self in self.replica.idle:
                self.replica.idle.remove(self)
        elif self._started and self._until_close and exc is None:
            self._done = True
            self._end(exchange)
        else:
            exchange.upstream_lost(self)

    def pause_writing(self) -> None:
        """Stop reading the request: the replica does not keep up."""
        self.write_paused = True
        if self.exchange is not None:
            self.exchange.progress()
            self.exchange.client.update_reading()

    def resume_writing(self) -> None:
        """Read the request again."""
        self.write_paused = False
        if self.exchange is not None:
            self.exchange.progress()
            self.exchange.client.update_reading()

    def data_received(self, data: bytes) -> None:
        """Parse and pass on what the replica says."""
        exchange = self.exchange
        if exchange is None:
            # Nobody asked: the connection is out of step.
            self.close()
            return
        self.received = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not isinstance(error.__context__, _HeadOnly):
                self._broken(exchange, error)
                return
            self._parser = httptools.HttpResponseParser(self)
            self._keep = self._keep and data.endswith(b"\r\n\r\n")
        if not self._started:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD:
                self._broken(exchange, "its head is too large")
                return
        if self._out:
            out, self._out = self._out, []
            exchange.client.write(out)
        if self._done and self.exchange is exchange:
            exchange.response_ended()
        else:
            exchange.progress()

    def _broken(self, exchange: Exchange, reason: object) -> None:
        if self._out:
            exchange.client.write(self._out)
        self.close()
        exchange.upstream_broken(self, str(reason))

    # httptools

    def on_message_begin(self) -> None:
        """Begin a response; a second one nobody asked for spoils the connection."""
        if self._done:
            self._keep = False

    def on_status(self, reason: bytes) -> None:
        """Collect the reason phrase."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a field; trailers are dropped."""
        if self._started:
            return
        self._fields.append((name, value))
        if len(self._fields) > _MAX_HEADERS:
            msg = "too many header fields"
            raise ValueError(msg)

    def on_headers_complete(self) -> None:
        """Pass the head on."""
        exchange = self.exchange
        if exchange is None or self._done:
            return
        status: int = self._parser.get_status_code()
        head = read_response(status, self._reason, self._fields)
        self._fields, self._reason = [], b""
        self._interim = status < _FIRST_FINAL
        if status == _SWITCHING:
            msg = "it switched protocols unasked"
            raise ValueError(msg)
        if self._interim:
            exchange.interim(head)
            return
        self._started = True
        self._keep = self._parser.should_keep_alive()
        bodiless = exchange.head.method == b"HEAD" or status in {204, 304}
        self._until_close = not (bodiless or head.chunked or head.length)
        self._chunked = not bodiless and (head.chunked or self._until_close)
        self._out.append(exchange.response_started(head, chunked=self._chunked))
        self._chunked = self._chunked and exchange.head.http11
        if exchange.head.method == b"HEAD":
            self._done = True
            raise _HeadOnly

    def on_body(self, data: bytes) -> None:
        """Pass a piece of the body on."""
        if self._done:
            return
        if self._chunked:
            self._out += chunk(data)
        else:
            self._out.append(data)

    def on_message_complete(self) -> None:
        """End the response, unless it was an interim one."""
        if self._interim:
            self._interim = False
        elif not self._done:
            self._done = True
            if self._chunked:
                self._out.append(LAST_CHUNK)

    def _end(self, exchange: Exchange) -> None:
        if self._chunked:
            exchange.client.write([LAST_CHUNK])
        exchange.response_ended()


async def connect(replica: Replica, timeout: float) -> Upstream:  # noqa: ASYNC109 - see below
    """Open a new connection to ``replica``.

    Raises:
        OSError: it does not accept connections, or not within ``timeout`` seconds
            (TimeoutError).
    """
    endpoint = replica.endpoint
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout):
        _, upstream = await loop.create_connection(
            lambda: Upstream(replica), endpoint.host, endpoint.port
        )
    if not upstream.usable:
        msg = "it closed the connection at once"
        raise ConnectionResetError(msg)
    replica.accepted()
    return upstream
