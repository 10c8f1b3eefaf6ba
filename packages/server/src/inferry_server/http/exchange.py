"""One request and its response, as ASGI carries them, within limits."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from inferry.errors import InvalidInput, Overloaded
from inferry_server.errors import BodyTimeout
from inferry_server.http.body import ALIGNMENT
from inferry_server.http.inflation import ENCODINGS, Inflated, Plain, too_large

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence

    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    Scope = MutableMapping[str, Any]

T = TypeVar("T")
#: Compressed pieces above this are inflated in a thread: they may grow a lot.
_INLINE = 4 * 1024

JSON = b"application/json"
BINARY = b"application/octet-stream"
#: The header of an answer that ends its connection.
CLOSE = (b"connection", b"close")


class ClientGone(Exception):
    """The client closed its connection; there is nobody to answer."""


class Response(Struct, frozen=True):
    """What goes out: a status, the parts of a body, and headers beside the usual."""

    status: int
    parts: Sequence[bytes | memoryview]
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def size(self) -> int:
        """How many bytes the body has."""
        parts = self.parts
        return len(parts[0]) if len(parts) == 1 else sum(map(len, parts))

    async def send(
        self, send: Send, *, close: bool = False, linger: Awaitable[None] | None = None
    ) -> None:
        """Write the response; *close* ends the connection after it.

        The end waits for *linger*, when all bytes are out already.
        """
        headers = [
            (b"content-type", self.content_type),
            (b"content-length", b"%d" % self.size),
            *self.headers,
        ]
        if close and CLOSE not in headers:
            headers.append(CLOSE)
        await send(
            {"type": "http.response.start", "status": self.status, "headers": headers}
        )
        *first, last = self.parts if linger is None else (*self.parts, b"")
        for part in first:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        if linger is not None:
            await linger
        await send({"type": "http.response.body", "body": last})


class Room:
    """Bounds what the bodies of all requests together take, from reading to answer."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0

    def take(self, size: int) -> None:
        """Reserve *size* bytes.

        Raises:
            Overloaded: There is no room for them now.

        """
        if self._used + size > self._limit:
            raise Overloaded(
                f"the requests under way hold {self._used} bytes already, at most "
                f"{self._limit}; try again later"
            )
        self._used += size

    def give_back(self, size: int) -> None:
        """Free *size* bytes that were reserved."""
        self._used -= size


class Request:
    """One request; its body is read once, on demand, into *room* until `release`.

    What is large and inflates to more than *max_ratio* times its size is refused.
    """

    def __init__(
        self, scope: Scope, receive: Receive, room: Room, max_ratio: int
    ) -> None:
        self.is_cut = False
        self._max_ratio = max_ratio
        self._room = room
        self._held = 0
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._receive = receive
        self._raw = scope["headers"]
        self._headers: dict[str, str] | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers by lower-case name; of a repeated one the last."""
        if self._headers is None:
            self._headers = {
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in self._raw
            }
        return self._headers

    async def body(
        self,
        limit: int,
        patience: float,
        align_at: int = 0,
    ) -> memoryview:
        """Read the body, inflated if it is compressed; *limit* bounds both forms.

        Byte *align_at* of the body lies at an aligned address.

        Raises:
            BodyTooLarge: Before more than *limit* bytes are taken in.
            InvalidInput: It is compressed in a way that is not known, or badly.
            ClientGone: The client left in the middle of it.
            BodyTimeout: Nothing came for *patience* seconds.

        """
        announced = self.headers.get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced) > limit:
            raise too_large(limit)
        padding = -align_at % ALIGNMENT
        encoding = self._encoding
        taken = (
            Inflated(bytearray(padding), limit, encoding, self._max_ratio)
            if encoding
            else Plain(bytearray(padding), limit)
        )
        more = True
        while more:
            try:
                async with asyncio.timeout(patience):
                    message = await self._receive()
            except TimeoutError:
                raise BodyTimeout("the request's body did not arrive in time") from None
            if message["type"] == "http.disconnect":
                raise ClientGone
            before = taken.size
            piece = message.get("body", b"")
            if encoding and len(piece) > _INLINE:
                await asyncio.to_thread(taken.take, piece)
            else:
                taken.take(piece)
            self._hold(taken.size - before)
            more = message.get("more_body", False)
        return memoryview(taken.finish())[padding:]

    def _hold(self, size: int) -> None:
        try:
            self._room.take(size)
        except Overloaded:
            self.is_cut = True
            raise
        self._held += size

    def release(self) -> None:
        """Give back the room of the body, once nothing needs it any more."""
        self._room.give_back(self._held)
        self._held = 0

    @property
    def _encoding(self) -> str:
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("", "identity"):
            return ""
        if encoding not in ENCODINGS:
            raise InvalidInput(
                f"Content-Encoding {encoding[:40]!r} is not supported; expected gzip "
                "or deflate"
            )
        return encoding

    async def discard(self, patience: float) -> None:
        """Throw away what still comes of the body, for *patience* seconds at most.

        A connection that is closed on a client that still sends is reset, and the
        client never sees the answer.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while (await self._receive()).get("more_body", False):
                    pass

    async def gone(self) -> None:
        """Return when the client has left; only after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def unless_gone(request: Request, answer: Awaitable[T]) -> T:
    """Return what *answer* gives; cancel it when the client leaves before.

    Raises:
        ClientGone: The client left.

    """
    task = asyncio.ensure_future(answer)
    gone = asyncio.create_task(request.gone())
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        gone.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # of a client that left: nobody's
