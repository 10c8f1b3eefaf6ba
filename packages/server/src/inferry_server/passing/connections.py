"""HTTP/1.1 to one server: connections that are kept, bodies as they are.

A client of a few calls, because each layer more would be paid by every request.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

import httptools
from msgspec import Struct

from inferry.errors import ModelNotReady

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

#: Seconds to connect, which on one machine takes a hundredth of a thousandth of it.
_CONNECT = 5.0
#: Bytes of a stream that wait to be taken before no more are read.
_AHEAD = 1024 * 1024
_GONE = "the connection to the model's own server was lost"


class Reply(Struct, frozen=True):
    """An answer; header names in lower case."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes = b""


class Connection(asyncio.Protocol):
    """One connection, for one request after the other."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: Any = None
        self._waiter: asyncio.Future[None] | None = None
        self._headers: dict[bytes, bytes] = {}
        self._pieces: deque[bytes] = deque()
        self._ahead = 0
        self._has_head = self._is_whole = self._is_lost = False
        self._is_paused = False

    # What the transport and the parser tell

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep *transport*."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Parse."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        del exc
        self._is_lost = True
        self._wake()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Note that the head is there."""
        self._has_head = True

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._pieces.append(body)
        self._ahead += len(body)

    def on_message_complete(self) -> None:
        """Note that nothing follows."""
        self._is_whole = True

    # What the pool asks

    @property
    def is_free(self) -> bool:
        """Whether the next request may go by it."""
        return not (self._is_lost or self._transport.is_closing())

    @property
    def may_go_on(self) -> bool:
        """Whether the answer is whole and the server keeps the connection."""
        return self._is_whole and self.is_free and self._parser.should_keep_alive()

    def close(self) -> None:
        """End it, whatever is under way."""
        self._transport.abort()

    def send(self, head: bytes, body: bytes | memoryview) -> None:
        """Send a request; `reply` or `pieces` must follow."""
        self._parser = httptools.HttpResponseParser(self)
        self._headers = {}
        self._pieces.clear()
        self._ahead = 0
        self._has_head = self._is_whole = False
        self._transport.write(head)
        if len(body):
            self._transport.write(body)

    async def reply(self) -> Reply:
        """Return the whole answer.

        Raises:
            ModelNotReady: The server has gone.

        """
        while not self._is_whole:
            await self._more()
        return Reply(
            self._parser.get_status_code(), self._headers, b"".join(self._pieces)
        )

    async def head(self) -> Reply:
        """Return the head of the answer; `pieces` gives the rest.

        Raises:
            ModelNotReady: The server has gone.

        """
        while not self._has_head:
            await self._more()
        return Reply(self._parser.get_status_code(), self._headers)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes.

        Raises:
            ModelNotReady: The server has gone.

        """
        while self._pieces or not self._is_whole:
            if not self._pieces:
                await self._more()
                continue
            piece = self._pieces.popleft()
            self._ahead -= len(piece)
            yield piece

    async def _more(self) -> None:
        if self._is_lost:
            raise ModelNotReady(_GONE)
        if self._is_paused and self._ahead < _AHEAD:
            self._is_paused = False
            self._transport.resume_reading()
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def hold_back(self) -> None:
        """Read no more while much waits to be taken."""
        if self._ahead >= _AHEAD and not self._is_paused and self.is_free:
            self._is_paused = True
            self._transport.pause_reading()


class Pool:
    """Connections to *address*, ``host:port``; made and used on one event loop."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._idle: list[Connection] = []
        self._closed = False

    async def ask(self, head: bytes, body: bytes | memoryview) -> Reply:
        """Return the answer to one request.

        Raises:
            ModelNotReady: The server has gone.

        """
        connection = await self._connection()
        try:
            connection.send(head, body)
            return await connection.reply()
        finally:
            self._done(connection)

    async def stream(
        self, head: bytes, body: bytes | memoryview
    ) -> AsyncGenerator[Reply | bytes, None]:
        """Yield the head of the answer, then its pieces.

        Raises:
            ModelNotReady: The server has gone.

        """
        connection = await self._connection()
        try:
            connection.send(head, body)
            yield await connection.head()
            async for piece in connection.pieces():
                connection.hold_back()
                yield piece
        finally:
            self._done(connection)

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_free:
                return connection
        loop = asyncio.get_running_loop()
        host = self._host.strip("[]")
        try:
            async with asyncio.timeout(_CONNECT):
                _, made = await loop.create_connection(Connection, host, self._port)
        except (OSError, TimeoutError):
            raise ModelNotReady(
                f"the model's own server does not answer at {self.address}"
            ) from None
        return made

    def _done(self, connection: Connection) -> None:
        if connection.may_go_on and not self._closed:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close what is idle now, and the rest once it is."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()
