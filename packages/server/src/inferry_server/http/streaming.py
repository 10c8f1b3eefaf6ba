"""Answers that come piece by piece, as server-sent events."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import orjson

from inferry.errors import ModelNotReady
from inferry_server.http.answering import CLIENT_LEFT
from inferry_server.http.exchange import CLOSE, ClientGone, unless_gone
from inferry_server.statuses import explain

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from inferry_server.http.exchange import Request, Send

EVENT_STREAM = b"text/event-stream; charset=utf-8"
_HEADERS = (
    (b"content-type", EVENT_STREAM),
    (b"cache-control", b"no-cache"),
    # Proxies that collect answers are told to let each event through.
    (b"x-accel-buffering", b"no"),
)
_OK = 200
#: What a client has to take the end of a stream that is cut off.
_LAST_SECONDS = 1.0


def event(content: bytes) -> bytes:
    """Return JSON *content*, which has no line breaks, as one event."""
    return b"data: %b\n\n" % content


class Stream:
    """The answer to *request*: *events*, until they end or the client leaves.

    An error after the first event becomes one more, which *word* writes. *last* comes
    after all. *on_end* is told the status that the call ended with and how many bytes
    were sent.
    """

    status = _OK

    def __init__(
        self,
        request: Request,
        events: AsyncGenerator[bytes, None],
        on_end: Callable[[int, int], None],
        headers: tuple[tuple[bytes, bytes], ...] = (),
        *,
        word: Callable[[Exception], tuple[int, bytes]] | None = None,
        last: bytes = b"",
    ) -> None:
        self._request = request
        self._events = events
        self._on_end = on_end
        self._headers = headers
        self._word = word or _word
        self._last = last
        self._sent = 0
        self._code = CLIENT_LEFT

    async def send(
        self, send: Send, *, close: bool = False, linger: Awaitable[None] | None = None
    ) -> None:
        """Write the head and each event as it comes; *close* ends the connection."""
        del linger  # only of requests that are refused
        headers = [*_HEADERS, *self._headers, *([CLOSE] if close else [])]
        try:
            async with aclosing(self._events):
                await send(
                    {
                        "type": "http.response.start",
                        "status": self.status,
                        "headers": headers,
                    }
                )
                await unless_gone(self._request, self._write(send))
        except ClientGone:
            pass
        finally:
            self._on_end(self._code, self._sent)

    async def _write(self, send: Send) -> None:
        code = _OK
        try:
            async for piece in self._events:
                await self._send_piece(send, piece)
        except asyncio.CancelledError:
            # Where the client has left, what is sent goes nowhere.
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_SECONDS):
                    await self._end(send, ModelNotReady("the server stops"))
            raise
        except Exception as error:  # noqa: BLE001 - the client hears of each
            code = await self._end(send, error)
        else:
            await self._end(send)
        self._code = code

    async def _end(self, send: Send, error: Exception | None = None) -> int:
        code, piece = (_OK, b"") if error is None else self._word(error)
        if piece + self._last:
            await self._send_piece(send, piece + self._last)
        await send({"type": "http.response.body", "body": b""})
        return code

    async def _send_piece(self, send: Send, piece: bytes) -> None:
        self._sent += len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": True})


def _word(error: Exception) -> tuple[int, bytes]:
    code, text, _ = explain(error, "a stream")
    return code, event(orjson.dumps({"error": text}))
