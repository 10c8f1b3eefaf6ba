"""One HTTP/2 connection carried to the gRPC server behind it, with backpressure."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

from inferry_gateway._http2.frames import PREFACE, Broken, Labeller, goaway

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from inferry_gateway._settings import GatewaySettings

_INTERNAL_ERROR = 0x2
_log = logging.getLogger("inferry_gateway")


class Tunnel(asyncio.Protocol):
    """The connection to the gRPC server that belongs to one client's connection."""

    __slots__ = ("_client", "_early", "_frames", "_inner", "_paused", "closed")

    def __init__(
        self, client: asyncio.Transport, *, peer: bytes, settings: GatewaySettings
    ) -> None:
        self._client = client
        self._frames = Labeller(peer=peer, max_header_bytes=settings.max_header_bytes)
        self._inner = cast("asyncio.Transport | None", None)
        self._early: list[bytes] = [PREFACE]
        self._paused = False
        self.closed = False

    async def open(self, path: Callable[[], Awaitable[str]]) -> None:
        """Connect to the server at the socket *path* returns, and pass on what came."""
        loop = asyncio.get_running_loop()
        try:
            await loop.create_unix_connection(lambda: self, await path())
        except Exception:  # noqa: BLE001 - grpc raises what it likes; the log says it
            _log.exception("a connection cannot be carried to the gRPC server")
            self.refuse(_INTERNAL_ERROR, "the gateway cannot serve gRPC; see its log")

    def feed(self, data: bytes) -> None:
        """Take what the client sent."""
        if self.closed:
            return
        try:
            out = self._frames.feed(data)
        except Broken as broken:
            self.refuse(broken.code, broken.message)
            return
        if self._inner is None:
            self._early += out
            self.pause_writing()
        elif out:
            self._inner.writelines(out)

    def refuse(self, code: int, message: str) -> None:
        """End the connection with a GOAWAY that says why."""
        if not self.closed and not self._client.is_closing():
            self._client.write(goaway(code, message))
            self._client.close()
        self.close()

    def close(self) -> None:
        """Leave: the client is gone."""
        self.closed = True
        self._early.clear()
        if self._inner is not None:
            self._inner.abort()

    def pause_answers(self) -> None:
        """Let the server wait: the client does not keep up."""
        if self._inner is not None and not self._inner.is_closing():
            self._inner.pause_reading()

    def resume_answers(self) -> None:
        """Read the answers again."""
        inner = self._inner
        if inner is not None and not inner.is_closing() and not inner.is_reading():
            inner.resume_reading()

    # asyncio.Protocol, towards the gRPC server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass on what came meanwhile."""
        inner = cast("asyncio.Transport", transport)
        if self.closed:
            inner.abort()
            return
        self._inner = inner
        self.resume_writing()
        inner.writelines(self._early)
        self._early = []

    def data_received(self, data: bytes) -> None:
        """Pass an answer on."""
        if not self._client.is_closing():
            self._client.write(data)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Close the client's connection after what was written to it."""
        self.closed = True
        if not self._client.is_closing():
            self._client.close()

    def pause_writing(self) -> None:
        """Stop reading from the client: the server does not keep up."""
        if not self._paused and not self._client.is_closing():
            self._paused = True
            self._client.pause_reading()

    def resume_writing(self) -> None:
        """Read from the client again."""
        if self._paused and not self._client.is_closing():
            self._paused = False
            self._client.resume_reading()
